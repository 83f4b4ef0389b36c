import { beforeEach, describe, expect, it } from "vitest";
import { Asker, filters } from "../testing/asker.ts";

const ANONYMOUS = "0a".repeat(32);
const OTHER = "1b".repeat(32);
let asker: Asker;
beforeEach(() => {
  asker = new Asker();
  const local = { Driver: "local", Labels: null };
  asker.engine.answers.set("/volumes", {
    Volumes: [
      { ...local, Name: "data" },
      { ...local, Name: ANONYMOUS, Labels: { tier: "a" } },
      { ...local, Name: OTHER },
      { Driver: "nfs", Name: "2c".repeat(32) },
    ],
  });
  asker.engine.answers.set("/system/df", {
    Volumes: [
      { Name: ANONYMOUS, UsageData: { Size: 7 } },
      { Name: OTHER, UsageData: { Size: -1 } },
      { Name: "data", UsageData: { Size: 100 } },
    ],
  });
});

const prune = (version: string, query = "") => asker.ask<object>(`/v${version}/volumes/prune${query}`, "POST");
const sent = () => asker.engine.sent.map(({ method, path }) => `${method} ${path}`);

describe("a prune of volumes at an engine of before API 1.42", () => {
  it("takes only what nobody named, for a client that counts on it", async () => {
    const { status, body } = await prune("1.42");
    expect([status, body]).toEqual([200, { VolumesDeleted: [ANONYMOUS, OTHER], SpaceReclaimed: 7 }]);
    expect(sent()).toEqual([`DELETE /volumes/${ANONYMOUS}`, `DELETE /volumes/${OTHER}`]);
  });

  it.each([
    [{ label: ["tier"] }, [ANONYMOUS]],
    [{ label: { "tier=b": true } }, []],
    [{ "label!": ["tier=a"], all: ["false"] }, [OTHER]],
  ])("goes by the labels of %j", async (given, names) => {
    expect((await prune("1.47", `?${filters(given)}`)).body).toMatchObject({ VolumesDeleted: names });
  });

  it("leaves alone what was taken into use meanwhile", async () => {
    const send = asker.engine.send.bind(asker.engine);
    const busy = (): Response => Response.json({ message: "volume is in use" }, { status: 409 });
    asker.engine.send = async (request, signal) => (request.path.endsWith(OTHER) ? busy() : send(request, signal));
    expect((await prune("1.47")).body).toEqual({ VolumesDeleted: [ANONYMOUS], SpaceReclaimed: 7 });
  });

  it("is the engine's when all is asked for, in its words", async () => {
    await prune("1.47", `?${filters({ all: ["1"], label: ["tier"] })}`);
    expect(sent()).toEqual([`POST /v1.47/volumes/prune?${filters({ label: ["tier"] })}`]);
  });

  it.each(["/v1.41/volumes/prune", "/volumes/prune"])(
    "is the engine's for a client that means the same: %s",
    async (path) => {
      await asker.ask(`${path}?${filters({ label: ["tier"] })}`, "POST");
      expect(sent()).toEqual([`POST ${path}?${filters({ label: ["tier"] })}`]);
    },
  );

  it.each([
    [{ all: ["maybe"] }, "invalid filter 'all=[maybe]': it takes true or false, once"],
    [{ all: ["1", "0"] }, "invalid filter 'all=[1 0]': it takes true or false, once"],
    [{ nope: ["x"] }, "invalid filter 'nope'"],
  ])("refuses %j, and removes nothing", async (given, message) => {
    expect(await prune("1.47", `?${filters(given)}`)).toMatchObject({ status: 400, body: { message } });
    expect(sent()).toEqual([]);
  });
});

describe("a prune of volumes at a newer engine", () => {
  it("is the engine's", async () => {
    asker.engine.facts = () =>
      Promise.resolve({ answers: true, apiVersion: "1.43", builderVersion: "1", experimental: false, osType: "linux" });
    await prune("1.47");
    expect(sent()).toEqual(["POST /v1.47/volumes/prune"]);
  });
});
