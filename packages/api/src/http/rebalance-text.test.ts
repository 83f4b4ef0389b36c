import { assert } from "@murmur/base";
import { DEFAULT_REBALANCE, taskId, type Service } from "@murmur/model";
import { beforeEach, expect, it } from "vitest";
import type { ClusterSummary, ServiceExplanation } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE, NODE_TWO, type MemoryCluster } from "../testing/memory-cluster.ts";

let asker: Asker;
let cluster: MemoryCluster;
let web: Service;

beforeEach(async () => {
  asker = new Asker();
  await asker.create("web", { Mode: { Replicated: { Replicas: 2 } } });
  const { replica } = asker.ports;
  const service = replica?.store.view.serviceByName("web");
  assert(replica !== undefined && service !== undefined, "the service is there");
  cluster = replica;
  web = service;
});

function turnOn(): void {
  const record = cluster.store.view.cluster();
  assert(record !== undefined, "there is a cluster");
  const spec = { ...record.spec, rebalance: DEFAULT_REBALANCE };
  cluster.apply({ kind: "updateCluster", version: record.version, spec });
}

const info = async () => (await asker.ask<ClusterSummary>("/murmur/cluster")).body.rebalance;
const explained = async () => (await asker.ask<ServiceExplanation>("/murmur/services/web/explain")).body.rebalance;

it("is not mentioned where there is no policy", async () => {
  expect([await info(), await explained()]).toEqual([undefined, undefined]);
});

it("says what the policy does or waits for", async () => {
  turnOn();
  const now = asker.ports.clock.now();
  cluster.calmness = { obstacle: "node beta isn't ready" };
  expect(await info()).toBe("waits: node beta isn't ready");
  cluster.calmness = { obstacle: "2 tasks are on the move", moving: 2 };
  expect(await info()).toBe("2 tasks are on the move");
  cluster.calmness = { since: now - 1_000 };
  expect(await info()).toMatch(/^waits until 20.*Z: the cluster must be calm for 60 s$/);
  cluster.calmness = { since: now - 60_000 };
  expect(await info()).toMatch(/^calm since 20.*Z$/);
});

it("says what it makes of a service", async () => {
  turnOn();
  asker.runTask("taskw1", 1, "web");
  asker.runTask("taskw2", 2, "web");
  expect(await explained()).toBe("its tasks are where they would be placed now");
  const task = cluster.store.view.task(taskId("taskw1"));
  assert(task !== undefined, "the task is there");
  cluster.moved = [{ task, from: NODE_ONE, to: NODE_TWO }];
  expect(await explained()).toMatch(
    /^1 task would be better placed elsewhere; none is moved before 20.*Z, 600 s after/,
  );
  cluster.moved = [{ task: { ...task, createdAt: asker.ports.clock.now() - 600_000 }, from: NODE_ONE, to: NODE_TWO }];
  cluster.calmness = { obstacle: "node beta isn't ready" };
  expect(await explained()).toBe("1 task would be better placed elsewhere; waits: node beta isn't ready");
  cluster.apply({ kind: "moveTasks", tasks: [task.id], forMs: 60_000 });
  expect(await explained()).toBe("1 task on the move");
  const { version = 0 } = cluster.store.view.service(web.id) ?? {};
  cluster.apply({ kind: "updateService", id: web.id, version, spec: { ...web.spec, rebalance: "off" } });
  expect(await explained()).toBe("left where it is: --rebalance off");
});
