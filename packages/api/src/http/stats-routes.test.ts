import { assert, type NodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { StatsAnswer } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";

const T1 = "t1aaaaaaaaaaaaaaaaaaaaaaa";
const T2 = "t2bbbbbbbbbbbbbbbbbbbbbbb";
const stats = (cpuNanos: number) => ({
  read: "2026-11-21T22:40:16Z",
  cpu_stats: { cpu_usage: { total_usage: cpuNanos }, system_cpu_usage: 1_000, online_cpus: 2 },
});

/** Two services with a task each; the second is on a node that is away. */
async function world() {
  const asker = new Asker();
  await asker.create("web");
  await asker.create("db");
  asker.runTask(T1, 1, "web");
  const db = asker.ports.replica?.store.view.serviceByName("db");
  assert(db !== undefined, "it was made");
  asker.ports.replica?.runTask(db, T2, 1, NODE_TWO);
  const of = (task: string, State: string) => ({
    Id: `c-${task}`,
    State,
    Labels: { "murmur.node.id": NODE_ONE, "murmur.task.id": task },
  });
  asker.engine.answers.set("/containers/json", [of(T1, "running"), of("t9", "exited")]);
  asker.engine.answers.set(`/containers/c-${T1}/stats`, stats(500));
  const asked: NodeId[] = [];
  asker.ports.askNode = async (node, request) => {
    asked.push(node);
    if (node === NODE_TWO) throw new Error("it is down");
    return asker.api.fetchAsked(request);
  };
  return { asker, asked };
}

describe("what tasks use", () => {
  it("is asked of all nodes, and the one that doesn't answer is named", async () => {
    const { asker } = await world();
    const { status, body } = await asker.ask<StatsAnswer>("/murmur/stats");
    expect(status).toBe(200);
    expect(body.nodes).toMatchObject([
      { id: NODE_ONE, hostname: "alpha", samples: [{ task: T1, cpuNanos: 500, systemNanos: 1_000, cpus: 2 }] },
      { id: NODE_TWO, hostname: "beta", problem: "it is down", samples: [] },
    ]);
  });

  it("is asked of the nodes that run a service, or of those that are named", async () => {
    const { asker, asked } = await world();
    expect((await asker.ask<StatsAnswer>("/murmur/stats?service=web")).body.nodes).toHaveLength(1);
    expect((await asker.ask<StatsAnswer>("/murmur/stats?node=alpha")).body.nodes).toHaveLength(1);
    expect(asked).toEqual([NODE_ONE, NODE_ONE]);
    expect((await asker.ask("/murmur/stats?service=nothing")).status).toBe(404);
    expect((await asker.ask("/murmur/stats?node=nothing")).status).toBe(404);
  });

  it("is asked of the engine once for all who look at the same time", async () => {
    const { asker } = await world();
    await Promise.all([asker.ask("/murmur/stats?node=alpha"), asker.ask("/murmur/stats?node=alpha")]);
    asker.engine.answers.set(`/containers/c-${T1}/stats`, stats(600));
    const sample = async () => (await asker.ask<StatsAnswer>("/murmur/stats?node=alpha")).body.nodes[0]?.samples[0];
    expect((await sample())?.cpuNanos).toBe(500);
    await asker.ports.clock.advance(1_000);
    expect((await sample())?.cpuNanos).toBe(600);
  });
});
