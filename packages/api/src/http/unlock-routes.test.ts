import { beforeEach, describe, expect, it } from "vitest";
import type { Info, Swarm, UnlockKey } from "../docker/swarm-types.ts";
import { Asker } from "../testing/asker.ts";

const LOCKED_TEXT = 'Please use "docker swarm unlock" to unlock it.';

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

const swarm = async (): Promise<Swarm> => (await asker.ask<Swarm>("/swarm")).body;
const key = async (): Promise<string> => (await asker.ask<UnlockKey>("/swarm/unlockkey")).body.UnlockKey;

async function update(change: object, query = ""): Promise<number> {
  const { Version, Spec } = await swarm();
  const body = { ...Spec, ...change };
  return (await asker.ask(`/swarm/update?version=${String(Version.Index)}${query}`, "POST", body)).status;
}
const lock = (on: boolean, query = ""): Promise<number> =>
  update({ EncryptionConfig: { AutoLockManagers: on } }, query);

describe("the unlock key", () => {
  it("is there while autolock is on, stays over other changes, and is replaced when that is asked for", async () => {
    expect(await key()).toBe("");
    expect(await lock(true)).toBe(200);
    const first = await key();
    expect(first).toMatch(/^SWMKEY-1-/);
    expect((await swarm()).Spec.EncryptionConfig).toEqual({ AutoLockManagers: true });
    expect(await update({ Labels: { a: "b" } })).toBe(200);
    expect(await lock(true)).toBe(200);
    expect(await key()).toBe(first);
    expect(await update({}, "&rotateManagerUnlockKey=true")).toBe(200);
    const second = await key();
    expect(second).toMatch(/^SWMKEY-1-/);
    expect(second).not.toBe(first);
    expect(await lock(false)).toBe(200);
    expect(await key()).toBe("");
    // As with Docker: there is nothing to replace, and nothing is wrong.
    expect(await update({}, "&rotateManagerUnlockKey=true")).toBe(200);
    expect(await key()).toBe("");
  });

  it("is shown on managers only", async () => {
    const forwarded = async (): Promise<Response> => asker.api.fetchForwarded(new Request("http://x/swarm/unlockkey"));
    expect(await (await forwarded()).json()).toEqual({ UnlockKey: "" });
    await lock(true);
    const refused = await forwarded();
    expect(refused.status).toBe(403);
    expect(await refused.text()).toMatch(/managers only: ask for it on one of them \(alpha\)/);
  });

  it("is in no answer but its own", async () => {
    await lock(true);
    const record = asker.ports.replica?.store.view.cluster()?.unlockKey ?? "";
    expect(record).not.toBe("");
    for (const path of ["/swarm", "/info", "/murmur/cluster", "/nodes"]) {
      const text = JSON.stringify((await asker.ask<unknown>(path)).body);
      expect(text).not.toContain("SWMKEY");
      expect(text).not.toContain(record);
    }
  });
});

describe("a locked node", () => {
  beforeEach(async () => {
    await lock(true);
  });

  it("says so, and answers nothing that needs the swarm", async () => {
    const unlockKey = await key();
    asker.ports.standing = { state: "locked" };
    const { body } = await asker.ask<Info>("/info");
    expect(body.Swarm).toMatchObject({ LocalNodeState: "locked", NodeID: "", ControlAvailable: false });
    expect((await asker.ask("/_ping")).headers.get("swarm")).toBe("locked");
    const paths = ["/nodes", "/services", "/tasks", "/secrets", "/configs", "/swarm", "/swarm/unlockkey"];
    for (const path of paths) {
      const { status, body: refused } = await asker.ask(path);
      expect([path, status, refused.message]).toEqual([path, 503, expect.stringContaining(LOCKED_TEXT)]);
    }
    const init = await asker.ask("/swarm/init", "POST", { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: "192.0.2.1" });
    expect([init.status, init.body.message]).toEqual([503, expect.stringContaining(LOCKED_TEXT)]);
    const wrong = await asker.ask("/swarm/unlock", "POST", { UnlockKey: "SWMKEY-1-wrong" });
    expect(wrong).toMatchObject({
      status: 401,
      body: { message: "swarm could not be unlocked: invalid key provided" },
    });
    expect((await asker.ask("/swarm/unlock", "POST", { UnlockKey: unlockKey })).status).toBe(200);
    expect((await asker.ask("/nodes")).status).toBe(200);
  });

  it("is the only one that can be unlocked", async () => {
    const active = await asker.ask("/swarm/unlock", "POST", { UnlockKey: "SWMKEY-1-x" });
    expect(active).toMatchObject({ status: 409, body: { message: "swarm is not locked" } });
    asker.ports.leave();
    expect((await asker.ask("/swarm/unlock", "POST", { UnlockKey: "SWMKEY-1-x" })).status).toBe(503);
  });
});
