import type { ServiceId } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NodeSet } from "./node-set.ts";
import { rebalance } from "./rebalance.ts";
import { schedule } from "./schedule.ts";
import { TestCluster, type NodeFacts } from "./test-cluster.ts";

function place(cluster: TestCluster): void {
  cluster.commit(schedule(cluster.nodes(), cluster.pending(), { now: cluster.now, networks: cluster.view }));
}

const number = (id: string): number => Number(id.slice(1));

/** `FROM>TO` of each move; and what was tried out is taken back. */
function plan(cluster: TestCluster, services: readonly ServiceId[], movesMax = 100): readonly string[] {
  const nodes = cluster.nodes();
  const moves = rebalance(
    nodes,
    services.map((id) => cluster.view.tasksOfService(id)),
    { now: cluster.now, networks: cluster.view, movesMax },
  );
  for (const load of NodeSet.of(cluster.view).loads()) {
    const same = nodes.load(load.id);
    expect([same?.freeNanoCpus, same?.wanted]).toEqual([load.freeNanoCpus, load.wanted]);
    for (const id of services) expect(same?.wantedOf(id)).toBe(load.wantedOf(id));
  }
  expect(new Set(moves.map(({ task }) => task.id)).size).toBe(moves.length);
  return moves.map(({ from, to }) => `${String(number(from))}>${String(number(to))}`);
}

describe("rebalancing", () => {
  it("moves to a new node what it would have had, and no more", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(6);
    place(cluster);
    cluster.addNode(3);
    expect([...plan(cluster, [web])].toSorted()).toEqual(["1>3", "2>3"]);
    expect(plan(cluster, [web], 1)).toHaveLength(1);
  });

  it("moves nothing where all is even, or where only a trifle differs", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(5);
    place(cluster);
    expect(plan(cluster, [web])).toEqual([]);
    const small = cluster.service(1, { cpus: 0.1 });
    place(cluster);
    expect(plan(cluster, [web, small])).toEqual([]);
  });

  it("moves single tasks away from a node that is full", () => {
    const cluster = new TestCluster([{ cpus: 4 }]);
    const services = [cluster.service(1, { cpus: 2 }), cluster.service(1, { cpus: 2 })];
    place(cluster);
    cluster.addNode(2, { cpus: 4 });
    expect(plan(cluster, services)).toEqual(["1>2"]);
  });

  it("moves no task to where it may not be or has no room", () => {
    const cluster = new TestCluster([{ labels: { disk: "ssd" } }]);
    const constraints = [{ key: "node.labels.disk", operator: "==", value: "ssd" } as const];
    const bound = cluster.service(4, { placement: { constraints } });
    const big = cluster.service(2, { cpus: 2 });
    place(cluster);
    cluster.addNode(2, { cpus: 1 });
    cluster.addNode(3, {});
    cluster.updateNode(3, { availability: "drain" });
    expect(plan(cluster, [bound, big])).toEqual([]);
  });

  it("keeps branches of a preference even, though their nodes are not", () => {
    const zones: NodeFacts[] = ["a", "a", "b"].map((zone) => ({ labels: { zone } }));
    const preferences = [{ spread: "node.labels.zone" }];
    const even = new TestCluster(zones);
    const web = even.service(8, { placement: { preferences } });
    place(even);
    expect(even.spread(web)).toEqual({ 1: 2, 2: 2, 3: 4 });
    expect(plan(even, [web])).toEqual([]);
    const late = new TestCluster(zones.slice(0, 2));
    const api = late.service(4, { placement: { preferences } });
    place(late);
    late.addNode(3, { labels: { zone: "b" } });
    expect(plan(late, [api])).toHaveLength(2);
  });

  it("packs where services are packed", () => {
    const cluster = new TestCluster([{ cpus: 4 }, { cpus: 4 }]);
    cluster.updateNode(1, { availability: "pause" });
    const one = cluster.service(1, { cpus: 1, placement: { strategy: "binpack" } });
    place(cluster);
    cluster.updateNode(1, { availability: "active" });
    cluster.updateNode(2, { availability: "pause" });
    const three = cluster.service(2, { cpus: 1, placement: { strategy: "binpack" } });
    place(cluster);
    cluster.updateNode(2, { availability: "active" });
    expect(plan(cluster, [one, three])).toEqual(["2>1"]);
  });

  it("leads to counts that differ by one at most, with as few moves as that takes", () => {
    const counts = fc.array(fc.nat(12), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(counts, (wanted) => {
        const cluster = new TestCluster(wanted.map(() => ({})));
        const web = cluster.service(wanted.reduce((sum, count) => sum + count, 0) || 1);
        const homes = wanted.flatMap((count, at) => Array.from({ length: count }, () => cluster.node(at + 1)));
        const [first] = homes;
        if (first === undefined) return;
        cluster.commit(cluster.pending().map(({ id }, at) => ({ taskId: id, nodeId: homes[at] ?? first })));
        const after = [...wanted];
        const moves = plan(cluster, [web], 1_000);
        for (const [from = 0, to = 0] of moves.map((move) => move.split(">").map(Number))) {
          after[from - 1] = (after[from - 1] ?? 0) - 1;
          after[to - 1] = (after[to - 1] ?? 0) + 1;
        }
        expect(Math.max(...after) - Math.min(...after)).toBeLessThanOrEqual(1);
        const fair = Math.ceil(homes.length / wanted.length);
        const tooMany = wanted.reduce((sum, count) => sum + Math.max(0, count - fair), 0);
        const tooFew = wanted.reduce(
          (sum, count) => sum + Math.max(0, Math.floor(homes.length / wanted.length) - count),
          0,
        );
        expect(moves).toHaveLength(Math.max(tooMany, tooFew));
      }),
      { numRuns: 60 },
    );
  });
});
