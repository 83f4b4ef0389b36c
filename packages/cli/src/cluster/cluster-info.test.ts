import type { ClusterSummary } from "@murmur/api";
import { describe, expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const SUMMARY: ClusterSummary = {
  id: "c1",
  name: "prod",
  createdAt: "2026-11-21T03:00:00.000Z",
  dataPlane: "overlay",
  version: 4711,
  term: 6,
  generation: 0,
  leader: "n1",
  votersWanted: 3,
  strategy: "binpack",
  rebalance: "calm since 2026-11-21T04:00:00Z",
  managers: [{ id: "n1", hostname: "host1", address: "10.0.0.1:7373", role: "leader", state: "ready" }],
  nodes: { total: 2, ready: 1 },
  services: 5,
  tasks: { total: 20, running: 12 },
  thisNode: { id: "n1", address: "10.0.0.1:7373", manager: true },
};

async function info(json: ClusterSummary, ...words: readonly string[]): Promise<string> {
  await using daemon = await FakeDaemon.start({
    "GET /_ping": () => ({ json: "OK" }),
    "GET /murmur/cluster": () => ({ json }),
  });
  const { status, stdout } = await runMurmur(["--socket", daemon.socketPath, "cluster", "info", ...words]);
  expect(status).toBe(0);
  return stdout;
}

describe("cluster info", () => {
  it("shows the cluster, its managers and the node that was asked", async () => {
    expect(await info(SUMMARY)).toBe(`ID:         c1
Name:       prod
Created:    2026-11-21T03:00:00.000Z
Data plane: overlay
Leader:     host1
Term:       6
Version:    4711
Nodes:      2 (1 ready)
Managers:   1 (3 wanted)
Strategy:   binpack
Rebalance:  on: calm since 2026-11-21T04:00:00Z
Services:   5
Tasks:      20 (12 running)
This node:  n1 at 10.0.0.1:7373

ID        HOSTNAME   ADDRESS         ROLE      STATE
n1        host1      10.0.0.1:7373   leader    ready
`);
  });

  it("says so when there is no leader, and when the cluster was recovered or restored", async () => {
    const { leader: _, ...leaderless } = SUMMARY;
    const text = await info({ ...leaderless, generation: 1_763_694_751_204 });
    expect(text).toContain("Leader:     none now\n");
    expect(text).toContain("Generation: 1763694751204 (it was recovered or restored)\n");
    expect(JSON.parse(await info(SUMMARY, "--format", "json"))).toEqual(SUMMARY);
  });
});
