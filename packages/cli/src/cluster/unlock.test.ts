import { expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";
import type { CliPorts } from "../ports.ts";

const KEY = "SWMKEY-1-abc";
const swarmOf = (on: boolean) => ({
  Version: { Index: 7 },
  Spec: { Name: "default", EncryptionConfig: { AutoLockManagers: on } },
});

async function murmur(
  words: string,
  routes: Record<string, Route>,
  ports: Partial<CliPorts> = {},
): Promise<Ran & { readonly daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ "GET /_ping": () => ({ json: "OK" }), ...routes });
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...words.split(" ")], ports)), daemon };
}

const swarm = (on: boolean, key: string): Record<string, Route> => ({
  "GET /swarm": () => ({ json: swarmOf(on) }),
  "GET /swarm/unlockkey": () => ({ json: { UnlockKey: key } }),
  "POST /swarm/update": () => ({ json: null }),
});

const saying = (text: string): Partial<CliPorts> => ({
  stdin: {
    isTerminal: false,
    raw: () => ({ [Symbol.dispose]: () => {} }),
    read: async function* () {
      yield new TextEncoder().encode(text);
    },
  },
});

const info =
  (state: string): Route =>
  () => ({ json: { Swarm: { LocalNodeState: state } } });

it("autolock is turned on, and the key is shown", async () => {
  const { status, stdout, daemon } = await murmur("cluster update --autolock on", swarm(false, KEY));
  expect(status).toBe(0);
  expect(stdout).toContain(`Cluster updated.`);
  expect(stdout).toContain(KEY);
  expect(daemon.asked.find(({ path }) => path === "/swarm/update")?.body).toMatchObject({
    EncryptionConfig: { AutoLockManagers: true },
  });
});

it("the key is shown, alone if so asked, and replaced", async () => {
  expect((await murmur("cluster unlock-key -q", swarm(true, KEY))).stdout).toBe(`${KEY}\n`);
  const { stdout, daemon } = await murmur("cluster unlock-key --rotate", swarm(true, KEY));
  expect(stdout).toContain("Successfully rotated the unlock key.");
  expect(stdout).toContain("murmur cluster unlock");
  const update = daemon.asked.find(({ path }) => path === "/swarm/update");
  expect(update?.query.toString()).toBe("version=7&rotateManagerUnlockKey=true");
});

it.each(["cluster unlock-key", "cluster unlock-key --rotate"])("%s says that there is none", async (words) => {
  const { status, stderr } = await murmur(words, swarm(false, ""));
  expect(status).not.toBe(0);
  expect(stderr).toContain("autolock is off");
});

it("a node is unlocked with what standard input says, or who is asked", async () => {
  const routes = { "GET /info": info("locked"), "POST /swarm/unlock": () => ({ json: null }) };
  const piped = await murmur("cluster unlock", routes, saying(`${KEY}\n`));
  expect([piped.status, piped.stdout]).toEqual([0, "Node unlocked.\n"]);
  expect(piped.daemon.asked.find(({ path }) => path === "/swarm/unlock")?.body).toEqual({ UnlockKey: KEY });
  const { stdin } = saying("");
  const asked = await murmur("cluster unlock", routes, {
    ...(stdin && { stdin: { ...stdin, isTerminal: true } }),
    ask: async () => KEY,
  });
  expect(asked.status).toBe(0);
});

it.each([
  ["inactive", KEY, "in no cluster"],
  ["active", KEY, "not locked"],
  ["locked", "", "give the key"],
  ["locked", "x".repeat(2_000), "longer than an unlock key"],
])("a node that is %s is not unlocked with %j", async (state, text, message) => {
  const { status, stderr } = await murmur("cluster unlock", { "GET /info": info(state) }, saying(text));
  expect(status).not.toBe(0);
  expect(stderr).toContain(message);
});
