import { clear, filtered, get, post, remove, type Topic } from "../step.ts";

const DATA = Buffer.from("hello").toString("base64");

/** Secrets and configs have the same routes. */
const payloads = (kind: "secret" | "config"): Topic => {
  const all = `/${kind}s`;
  const make = (body: unknown, keep = "made") => post(`${all}/create`, body, { keep });
  return {
    name: all,
    steps: [
      get(all),
      make({ Name: "one", Labels: { a: "b" }, Data: DATA }, "one"),
      make({ Name: "two", Data: DATA }, "two"),
      get(`${all}/one`),
      get(`${all}/{one}`),
      get(`${all}/two`),
      get(`${all}/nope`),
      get(`${all}/create`),
      make({ Name: "one", Data: DATA }),
      make({ Name: "three", Data: "" }),
      make({ Name: "three" }),
      make({ Name: "three", Data: "%%%" }),
      make({ Name: "three", Data: 5 }),
      make({ Name: "", Data: DATA }),
      make({ Name: "-x", Data: DATA }),
      make({ Name: "x".repeat(65), Data: DATA }),
      make({ Name: "with space", Data: DATA }),
      make({ Name: "x".repeat(64), Data: DATA }, "long"),
      remove(`${all}/{long}`),
      make({ Data: DATA }),
      make({}),
      make("{"),
      make(""),
      make("[]"),
      make({ Name: "big", Data: Buffer.alloc(500 * 1024 + 1_024).toString("base64") }),
      make({ Name: "tpl", Data: DATA, Templating: { Name: "golang" } }, "tpl"),
      get(`${all}/tpl`),
      make({ Name: "tpl2", Data: DATA, Templating: { Name: "nope" } }, "tpl2"),
      remove(`${all}/tpl`),
      clear(`${all}/tpl2`),
      make({ Name: "leak", Data: DATA, version: 3, skip_validation: true }, "leak"),
      remove(`${all}/leak`),
      ...[
        { name: ["one"] },
        { name: ["on"] },
        { name: ["ne"] },
        { name: ["ONE"] },
        { name: ["one", "two"] },
        { id: ["{one}"] },
        { id: ["nope"] },
        { label: ["a"] },
        { label: ["a=b"] },
        { label: ["a=c"] },
        { names: ["one"] },
        { names: ["on"] },
        { nope: ["x"] },
        "nonsense",
      ].map((filters) => get(filtered(all, filters))),
      post(`${all}/one/update`, { Name: "one", Labels: { c: "d" } }),
      post(`${all}/one/update?version=nope`, { Name: "one", Labels: { c: "d" } }),
      post(`${all}/one/update?version=1`, { Name: "one", Labels: { c: "d" } }),
      post(`${all}/nope/update?version=1`, { Name: "nope" }),
      post(`${all}/one/update?version={version:${all}/one}`, "{"),
      post(`${all}/one/update?version={version:${all}/one}`, { Name: "one", Labels: { c: "d" } }),
      get(`${all}/one`),
      post(`${all}/one/update?version={version:${all}/one}`, { Name: "other", Labels: { c: "d" } }),
      post(`${all}/one/update?version={version:${all}/one}`, {
        Name: "one",
        Data: Buffer.from("other").toString("base64"),
      }),
      get(`${all}/one`),
      post(`${all}/one/update?version={version:${all}/one}`, { Name: "one", Data: DATA }),
      get(`${all}/one`),
      remove(`${all}/nope`),
      remove(`${all}/one`),
      remove(`${all}/one`),
      post(
        "/services/create",
        {
          Name: "uses",
          TaskTemplate: {
            ContainerSpec: {
              Image: "murmur/web:latest",
              [kind === "secret" ? "Secrets" : "Configs"]: [
                kind === "secret"
                  ? { SecretID: "{two}", SecretName: "two", File: { Name: "two", UID: "0", GID: "1", Mode: 292 } }
                  : { ConfigID: "{two}", ConfigName: "two", File: { Name: "two", UID: "0", GID: "1", Mode: 292 } },
              ],
            },
            Placement: { Constraints: ["node.labels.nowhere==true"] },
          },
        },
        { keep: "uses" },
      ),
      get("/services/uses"),
      remove(`${all}/two`),
      remove("/services/uses"),
      remove(`${all}/{two}`),
      { ask: `HEAD ${all}`, bodyless: true },
      { ask: `PUT ${all}`, bodyless: true },
    ],
  };
};

export const secrets = payloads("secret");
export const configs = payloads("config");
