import type { GossipKeyAnswer } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const SHOWN: GossipKeyAnswer = { since: "2026-11-22T10:00:00Z", rotatedEachMs: 12 * 3_600_000 };

async function murmur(answer: GossipKeyAnswer, ...words: readonly string[]) {
  await using daemon = await FakeDaemon.start({
    "GET /_ping": () => ({ json: "OK" }),
    "GET /murmur/gossip-key": () => ({ json: answer }),
    "POST /murmur/gossip-key/rotate": () => ({
      json: { ...answer, rotation: { phase: "install", waitsFor: ["a", "b", "c", "d", "e", "f"] } },
    }),
    "GET /swarm": () => ({ json: { Version: { Index: 7 }, Spec: { Name: "default" } } }),
    "POST /swarm/update": () => ({ json: null }),
  });
  const ran = await runMurmur(["--socket", daemon.socketPath, "cluster", ...words]);
  return { ...ran, sent: daemon.asked.find(({ path }) => path === "/swarm/update")?.body };
}

it("shows how old the key is", async () => {
  const { status, stdout } = await murmur(SHOWN, "gossip-key");
  expect([status, stdout.trimEnd().split("\n")]).toEqual([
    0,
    ["In use since: 2026-11-22T10:00:00Z", "Replaced:     each 12h0m0s", "Rotation:     none now"],
  ]);
  const off = await murmur({ ...SHOWN, rotatedEachMs: 0, rotation: { phase: "use", waitsFor: [] } }, "gossip-key");
  expect(off.stdout).toContain("with --rotate only");
  expect(off.stdout).toContain("nodes seal with the next key\n");
  expect(JSON.parse((await murmur(SHOWN, "gossip-key", "--format", "json")).stdout)).toEqual(SHOWN);
});

it("replaces it, and says whom that waits for", async () => {
  const { stdout } = await murmur(SHOWN, "gossip-key", "--rotate");
  expect(stdout).toContain("nodes get the next key; waiting for a, b, c, d, e and 1 more");
});

it("sets how often that happens by itself", async () => {
  const { status, sent } = await murmur(SHOWN, "update", "--gossip-key-rotation", "1h");
  expect([status, sent]).toEqual([0, { Name: "default", Murmur: { GossipKeyRotation: 3_600e9 } }]);
  expect((await murmur(SHOWN, "update", "--gossip-key-rotation", "soon")).status).toBe(2);
});
