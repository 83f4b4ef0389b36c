import type { NodeId } from "@murmur/base";
import { networkId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { spec, TestWorld, withImage } from "./test-world.ts";

/** Its default network has six addresses for tasks; the service has no virtual one. */
const world = (): TestWorld =>
  new TestWorld({ plane: { dataPlane: "overlay", addressPool: { subnet: "10.9.0.0/24", subnetLength: 28 } } });
const dnsrr = spec({ endpoint: { mode: "dnsrr", ports: [] } });
const slots = (all: TestWorld, id: Parameters<TestWorld["running"]>[0]): readonly (number | NodeId)[] =>
  all.running(id).map(({ slot }) => slot);

describe("a service in a network that has no addresses left", () => {
  it("has all its tasks, of which as many run as there are addresses", () => {
    const all = world();
    const id = all.createService({ ...dnsrr, mode: { kind: "replicated", replicas: 9 } });
    all.run(5_000);
    expect(slots(all, id)).toHaveLength(6);
    const waiting = all.view.tasksOfService(id).filter(({ status }) => status.state === "pending");
    expect(waiting.map(({ addresses }) => addresses)).toEqual([undefined, undefined, undefined]);
  });

  it("gets the others when another service gives some back", () => {
    const all = world();
    const first = all.createService({ ...dnsrr, mode: { kind: "replicated", replicas: 4 } });
    const second = all.createService({ ...dnsrr, name: "other", mode: { kind: "replicated", replicas: 2 } });
    all.run(5_000);
    all.scale(second, 4);
    all.run(2_000);
    expect(slots(all, second)).toHaveLength(2);
    all.scale(first, 2);
    all.run(5_000);
    expect([slots(all, first).length, slots(all, second).length]).toEqual([2, 4]);
  });

  it("is still updated, one task after the other", () => {
    const all = world();
    const id = all.createService({ ...dnsrr, mode: { kind: "replicated", replicas: 6 } });
    all.run(5_000);
    all.updateService(id, (old) => withImage(old, "next"));
    all.run(60_000);
    expect(all.running(id).map((task) => task.spec.container.image)).toEqual(Array.from({ length: 6 }, () => "next"));
    expect(all.service(id).updateStatus?.state).toBe("completed");
  });
});

it("leaves the networks that nodes have of their own to the spec of a service's tasks", () => {
  const all = world();
  const lan = { id: networkId("lan"), spec: { name: "lan", labels: {}, attachable: false, internal: false } };
  all.apply({ kind: "createNetwork", id: lan.id, spec: { ...lan.spec, local: { driver: "macvlan" } } });
  const networks = [{ target: lan.id, aliases: [] }];
  const id = all.createService({ ...dnsrr, task: { ...dnsrr.task, networks } });
  all.run(5_000);
  const [task] = all.view.tasksOfService(id);
  expect([task?.status.state, task?.networks, task?.addresses]).toEqual(["running", [], []]);
  expect(task?.spec.networks).toEqual(networks);
});
