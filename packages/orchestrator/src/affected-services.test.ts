import { assert } from "@murmur/base";
import { secretId, type ServiceId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { affectedServices } from "./affected-services.ts";
import { spec, TestWorld, withImage, withTask } from "./test-world.ts";

/** Two replicated services and a global one; only the first has a task on node 1. */
function setting(): { world: TestWorld; ids: Record<"web" | "db" | "agent", ServiceId> } {
  const world = new TestWorld({ nodes: 1 });
  const web = world.createService(spec());
  world.settle();
  world.updateNode(1, { availability: "pause" });
  const db = world.createService(spec({ name: "db" }));
  const agent = world.createService(spec({ name: "agent", mode: { kind: "global" } }));
  world.settle();
  return { world, ids: { web, db, agent } };
}

/** The services that are to be looked at after what `act` does. */
function affectedBy(world: TestWorld, act: () => void): ReadonlySet<ServiceId> {
  const watch = world.store.watch({ limit: 100 });
  act();
  const events = watch.drain();
  assert(events.kind === "changes", "the feed is long enough");
  const changes = events.batches.flatMap((batch) => batch.changes);
  return new Set(changes.flatMap((change) => affectedServices(world.view, change)));
}

describe("affectedServices", () => {
  it("says the service of a task, and a service itself", () => {
    const { world, ids } = setting();
    const { web, db } = ids;
    const report = (): void => world.report(world.taskIn(web, 1), { state: "running" });
    expect(affectedBy(world, report)).toEqual(new Set([web]));
    expect(affectedBy(world, () => world.scale(db, 3))).toEqual(new Set([db]));
  });

  it("says nothing of a task that tells more of the state that it is in", () => {
    const { world, ids } = setting();
    const { web } = ids;
    world.report(world.taskIn(web, 1), { state: "running", health: "healthy" });
    const more = { state: "running", health: "healthy", pid: 7 } as const;
    expect(affectedBy(world, () => world.report(world.taskIn(web, 1), more))).toEqual(new Set());
    const ill = { ...more, health: "unhealthy" } as const;
    expect(affectedBy(world, () => world.report(world.taskIn(web, 1), ill))).toEqual(new Set([web]));
  });

  it("says those with tasks on a node, and those that want one there", () => {
    const { world, ids } = setting();
    const { web, agent } = ids;
    expect(affectedBy(world, () => world.setNode(1, "down"))).toEqual(new Set([web, agent]));
    expect(affectedBy(world, () => world.addNode(2))).toEqual(new Set([agent]));
    const remove = (): void => world.apply({ kind: "removeNode", id: world.node(1), force: true });
    expect(affectedBy(world, remove)).toEqual(new Set([web, agent]));
  });

  it("says those whose tasks of an earlier spec used a secret that is removed", () => {
    const { world, ids } = setting();
    world.apply({ kind: "createSecret", id: secretId("key"), spec: { name: "key", labels: {} }, sealed: "c2VhbGVk" });
    const secrets = [
      { secretId: secretId("key"), secretName: "key", file: { name: "key", uid: 0, gid: 0, mode: 0o444 } },
    ];
    world.updateService(ids.db, (old) => withTask(old, { container: { ...old.task.container, secrets } }));
    world.updateService(ids.db, (old) => withImage(old, "next"));
    world.updateService(ids.db, (old) => withTask(old, { container: { image: "next" } }));
    const remove = (): void => world.apply({ kind: "removeSecret", id: secretId("key") });
    expect(affectedBy(world, remove)).toEqual(new Set([ids.db]));
  });

  it("says all when the history limit changes, and none for the cluster's other settings", () => {
    const { world, ids } = setting();
    const change = (settings: object): (() => void) => {
      return () => {
        const cluster = world.view.cluster();
        assert(cluster !== undefined, "there is a cluster");
        world.apply({ kind: "updateCluster", version: cluster.version, spec: { ...cluster.spec, ...settings } });
      };
    };
    expect(affectedBy(world, change({ taskHistoryLimit: 3 }))).toEqual(new Set(Object.values(ids)));
    expect(affectedBy(world, change({ voters: 5 }))).toEqual(new Set());
  });
});
