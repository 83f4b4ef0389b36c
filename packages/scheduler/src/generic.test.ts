import { describe, expect, it } from "vitest";
import { explain } from "./explain.ts";
import { schedule } from "./schedule.ts";
import { TestCluster } from "./test-cluster.ts";

const placeWith =
  (strategy: "spread" | "binpack") =>
  (cluster: TestCluster): void =>
    cluster.commit(
      schedule(cluster.nodes(), cluster.pending(), { networks: cluster.view, now: cluster.now, strategy }),
    );
const spread = placeWith("spread");
const binpack = placeWith("binpack");

describe("generic resources", () => {
  it("are a reason to refuse a node, and are said to be what it lacks", () => {
    const cluster = new TestCluster([{}, { generic: { gpu: 2 } }, { generic: { gpu: ["a", "b", "c"] } }]);
    const service = cluster.service(1, { generic: { gpu: 4 } });
    spread(cluster);
    expect(cluster.spread(service)).toEqual({});
    const [task] = cluster.pending();
    const why = task === undefined ? undefined : explain(cluster.nodes(), task);
    expect(why?.message).toBe("no suitable node (insufficient resources on 3 nodes)");
    expect(why?.closest).toMatchObject({ hostname: "host3", lacks: ["1 gpu short"] });
  });

  it("are used up task by task, also within a batch", () => {
    const cluster = new TestCluster([{ generic: { gpu: 2 } }, { generic: { gpu: ["a"] } }, {}]);
    const service = cluster.service(5, { generic: { gpu: 1 } });
    spread(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 2, 2: 1 });
  });

  it("that are asked for by name are waited for where they are, whatever else is free", () => {
    const cluster = new TestCluster([{ generic: { gpu: 8 } }, { generic: { gpu: ["a", "b", "c"] } }]);
    const service = cluster.service(2, { genericNames: { gpu: ["b"] } });
    spread(cluster);
    expect(cluster.spread(service)).toEqual({ 2: 1 });
    const [task] = cluster.pending();
    const why = task === undefined ? undefined : explain(cluster.nodes(), task);
    expect(why?.message).toBe("no suitable node (insufficient resources on 2 nodes)");
    expect(why?.closest?.lacks).toEqual(["gpu b not offered, or in use"]);
  });

  it("count as a share of a node like CPU and memory: the less loaded node is taken", () => {
    const cluster = new TestCluster([{ generic: { gpu: 2 } }, { generic: { gpu: 8 } }]);
    const service = cluster.service(1, { generic: { gpu: 1 } });
    spread(cluster);
    expect(cluster.spread(service)).toEqual({ 2: 1 });
  });
});

describe("binpack", () => {
  it("keeps tasks without a GPU off the nodes that have one, as long as there is room elsewhere", () => {
    const cluster = new TestCluster([{ cpus: 4, generic: { gpu: 1 } }, { cpus: 4 }]);
    const service = cluster.service(5, { cpus: 1 });
    binpack(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1, 2: 4 });
  });

  it("leaves no GPU without the CPU that tasks ask for with it", () => {
    // Both have two GPUs; with a task of two CPUs more, the first would have none for its second one.
    const cluster = new TestCluster([
      { cpus: 4, memoryGib: 64, generic: { gpu: 2 } },
      { cpus: 8, memoryGib: 64, generic: { gpu: 2 } },
    ]);
    const train = cluster.service(2, { cpus: 2, memoryGib: 4, generic: { gpu: 1 } });
    const beside = cluster.service(1, { cpus: 2 });
    binpack(cluster);
    const more = cluster.service(2, { cpus: 2, memoryGib: 4, generic: { gpu: 1 } });
    binpack(cluster);
    expect([train, beside, more].map((id) => Object.values(cluster.spread(id)).length > 0)).toEqual([true, true, true]);
    expect(cluster.spread(beside)).toEqual({ 2: 1 });
    expect(cluster.pending()).toEqual([]);
  });

  it("is a service's own choice before it is the cluster's", () => {
    const cluster = new TestCluster([{ cpus: 4 }, { cpus: 4 }]);
    const packed = cluster.service(2, { cpus: 1, placement: { strategy: "binpack" } });
    const even = cluster.service(2, { cpus: 1, placement: { strategy: "spread" } });
    cluster.commit(schedule(cluster.nodes(), cluster.pending(), { networks: cluster.view, now: cluster.now }));
    expect(Object.values(cluster.spread(packed))).toEqual([2]);
    expect(Object.values(cluster.spread(even))).toEqual([1, 1]);
  });
});
