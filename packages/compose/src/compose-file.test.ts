import { describe, expect, it } from "vitest";

import { load, web, webFile } from "./testing/files.ts";

describe("extends", () => {
  it("takes a service of another file, its paths as seen from there", () => {
    const project = load({
      "compose.yaml":
        "services:\n  web:\n    extends: { file: base/common.yaml, service: app }\n    environment: [B=2]\n",
      "base/common.yaml":
        "services:\n  app:\n    extends: root\n    volumes: [./conf:/conf]\n    environment: { A: 1, B: 1 }\n  root: { image: nginx }\n",
    });
    expect(project.services.get("web")).toMatchObject({
      image: "nginx",
      mounts: [{ source: "/app/base/conf" }],
      environment: new Map([
        ["A", "1"],
        ["B", "2"],
      ]),
    });
  });

  it("refuses a circle with its chain, and a service that isn't there", () => {
    const circle = "services:\n  a: { image: a, extends: b }\n  b: { extends: { file: compose.yaml, service: a } }\n";
    expect(() => load(circle)).toThrowError(/services extend each other: .*b extends .*a/);
    expect(() => web("extends: nobody")).toThrowError('there is no service "nobody" in compose.yaml');
  });
});

describe("include", () => {
  it("reads another application by its own directory and .env", () => {
    const project = load({
      "compose.yaml": `include: [sub/compose.yaml]\n${webFile("depends_on: [db]")}`,
      "sub/compose.yaml": "services:\n  db: { image: 'db:$V', volumes: ['./data:/data'] }\n",
      "sub/.env": "V=2",
    });
    expect(project.services.get("db")).toMatchObject({ image: "db:2", mounts: [{ source: "/app/sub/data" }] });
  });

  it("refuses circles and different things of one name", () => {
    expect(() => load({ "compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n" })).toThrowError(
      "files include each other: compose.yaml includes b.yaml includes compose.yaml",
    );
    expect(() =>
      load({ "compose.yaml": `include: [b.yaml]\n${webFile("")}`, "b.yaml": "services: { web: { image: b } }" }),
    ).toThrowError("services.web: what is included at b.yaml:1 has the same name and says something else");
  });
});

describe("YAML", () => {
  it("follows anchors, aliases and merge keys; own keys win", () => {
    const service = load(
      "x-env: &env { A: 1, B: 1 }\nx-more: &more { B: 2, C: 2 }\nservices:\n  web:\n    image: a\n    environment:\n      <<: [*env, *more]\n      A: 3\n",
    ).services.get("web");
    expect(Object.fromEntries(service?.environment ?? [])).toEqual({ A: "3", B: "1", C: "2" });
  });

  it("refuses a key that is there twice, naming both lines", () => {
    expect(() => load("services: {}\nservices: {}\n")).toThrowError(
      'compose.yaml:2: "services" is there already, in line 1',
    );
  });
});

describe("profiles", () => {
  const file =
    "services:\n  a: { image: a }\n  b: { image: b, profiles: [test] }\n  c: { image: c, profiles: [debug], depends_on: [b] }\n";

  it("choose services", () => {
    expect([...load(file).services.keys()]).toEqual(["a"]);
    expect([...load(file, { profiles: ["test"] }).services.keys()]).toEqual(["a", "b"]);
    expect([...load(file, { profiles: ["*"] }).services.keys()]).toEqual(["a", "b", "c"]);
  });

  it("don't activate what a service waits for", () => {
    expect(() => load(file, { profiles: ["debug"] })).toThrowError('service "b" is not part of this');
  });
});

describe("env_file", () => {
  it("lies below environment; raw is as it stands; what isn't required may be missing", () => {
    const files = {
      "compose.yaml": webFile(
        "env_file: [a.env, { path: raw.env, format: raw }, { path: no.env, required: false }]\nenvironment: [B=own, SHELL_ONE, NONE]",
      ),
      "a.env": "A='a'\nB=file",
      "raw.env": "R='$A'",
    };
    expect(Object.fromEntries(load(files, { env: { SHELL_ONE: "s" } }).services.get("web")?.environment ?? [])).toEqual(
      {
        A: "a",
        B: "own",
        R: "'$A'",
        SHELL_ONE: "s",
        NONE: null,
      },
    );
  });
});
