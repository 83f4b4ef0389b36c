import { beforeEach, describe, expect, it } from "vitest";
import type { GossipKeyAnswer } from "../murmur-types.ts";
import type { Swarm } from "../docker/swarm-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE } from "../testing/memory-cluster.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

const shown = async (): Promise<GossipKeyAnswer> => (await asker.ask<GossipKeyAnswer>("/murmur/gossip-key")).body;

describe("the gossip key", () => {
  it("is rotated when somebody asks for it, and shown to nobody", async () => {
    expect(await shown()).toEqual({ since: expect.stringMatching(/^\d{4}-.*Z$/), rotatedEachMs: 12 * 3_600_000 });
    const { status, body } = await asker.ask<GossipKeyAnswer>("/murmur/gossip-key/rotate", "POST", {});
    expect([status, body.rotation]).toEqual([200, { phase: "install", waitsFor: ["alpha", "beta"] }]);
    expect(JSON.stringify(body)).not.toContain("gossip-");
    const replica = asker.ports.replica ?? expect.fail("there is a cluster");
    expect(replica.store.view.cluster()?.secrets.gossipKeys).toHaveLength(2);
    const again = await asker.ask<{ message: string }>("/murmur/gossip-key/rotate", "POST", {});
    expect([again.status, again.body.message]).toEqual([
      expect.any(Number),
      expect.stringMatching(/being rotated already: `murmur cluster gossip-key`/),
    ]);
    expect(again.status).toBeGreaterThanOrEqual(400);
    const { name = "" } = replica.store.view.cluster()?.gossipKey?.rotation ?? {};
    const certificate = { issuer: "AA", trusts: ["AA"], gossipKeys: ["00", name] };
    for (const { id } of replica.store.view.nodes()) replica.apply({ kind: "describeNode", id, certificate });
    expect(replica.store.view.node(NODE_ONE)?.certificate).toEqual(certificate);
    expect((await shown()).rotation).toEqual({ phase: "install", waitsFor: [] });
  });

  it("is rotated as often as the settings say", async () => {
    const swarm = async (): Promise<Swarm> => (await asker.ask<Swarm>("/swarm")).body;
    const update = async (GossipKeyRotation: number) => {
      const { Version, Spec } = await swarm();
      const body = { ...Spec, Murmur: { ...Spec.Murmur, GossipKeyRotation } };
      return asker.ask<{ message: string }>(`/swarm/update?version=${String(Version.Index)}`, "POST", body);
    };
    expect((await update(3_600e9)).status).toBe(200);
    expect((await shown()).rotatedEachMs).toBe(3_600_000);
    expect((await swarm()).Spec.Murmur?.GossipKeyRotation).toBe(3_600e9);
    expect((await update(0)).status).toBe(200);
    expect((await shown()).rotatedEachMs).toBe(0);
    const often = await update(1e9);
    expect([often.status, often.body.message]).toEqual([400, expect.stringMatching(/gossipKeyRotationMs/)]);
    expect((await update(-1)).status).toBe(400);
  });
});
