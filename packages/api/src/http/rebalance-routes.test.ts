import { assert } from "@murmur/base";
import { taskId, type Service } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import type { Rebalance } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE, NODE_TWO, type MemoryCluster } from "../testing/memory-cluster.ts";

let asker: Asker;
let cluster: MemoryCluster;
let web: Service;

beforeEach(async () => {
  asker = new Asker();
  await asker.create("web", { Mode: { Replicated: { Replicas: 40 } } });
  const { replica } = asker.ports;
  const service = replica?.store.view.serviceByName("web");
  assert(replica !== undefined && service !== undefined, "the service is there");
  cluster = replica;
  web = service;
});

/** So many tasks that the scheduler would move. */
function toMove(count: number): void {
  const names = Array.from({ length: count }, (_, at) => `taskw${String(at + 1)}`);
  for (const [at, name] of names.entries()) cluster.runTask(web, name, at + 1);
  cluster.moved = names.flatMap((name) => {
    const task = cluster.store.view.task(taskId(name));
    return task === undefined ? [] : [{ task, from: NODE_ONE, to: NODE_TWO }];
  });
}

const rebalance = (body: object = {}, query = "") => asker.ask<Rebalance>(`/murmur/rebalance${query}`, "POST", body);
const marked = () => [...cluster.store.view.tasks()].filter(({ move }) => move !== undefined).map(({ id }) => id);

describe("rebalancing", () => {
  it("says what it moves, and marks it", async () => {
    toMove(2);
    const { body } = await rebalance({ services: ["web"] });
    expect(body.moves.map(({ task, from, to }) => [task.ID, from, to])).toEqual([
      ["taskw1", "alpha", "beta"],
      ["taskw2", "alpha", "beta"],
    ]);
    expect(body.more).toBe(false);
    expect(marked()).toEqual(["taskw1", "taskw2"]);
  });

  it("changes nothing in a dry run", async () => {
    toMove(1);
    expect((await rebalance({}, "?dryRun=1")).body.moves).toHaveLength(1);
    expect(marked()).toEqual([]);
  });

  it("moves so many in one go, and says that there are more", async () => {
    toMove(40);
    const { body } = await rebalance();
    expect([body.moves.length, body.more, marked().length]).toEqual([32, true, 32]);
  });

  it("refuses a named service while it is updated, and passes over it among all", async () => {
    toMove(1);
    const { Spec, Version } = await asker.inspect("web");
    const spec = { ...Spec, TaskTemplate: { ...Spec.TaskTemplate, ForceUpdate: 1 } };
    expect((await asker.ask(`/services/web/update?version=${String(Version.Index)}`, "POST", spec)).status).toBe(200);
    const { status, body } = await asker.ask("/murmur/rebalance?dryRun=1", "POST", { services: ["web"] });
    expect([status, body.message]).toEqual([
      400,
      "service web is being updated, which replaces its tasks: rebalance it when that is done",
    ]);
    expect((await rebalance({}, "?dryRun=1")).status).toBe(200);
  });

  it("refuses a named service whose tasks have data on their nodes", async () => {
    const Mounts = [{ Type: "volume", Source: "data", Target: "/data" }];
    await asker.create("db", { TaskTemplate: { ContainerSpec: { Image: "db:1", Mounts } } });
    const { status, body } = await asker.ask("/murmur/rebalance", "POST", { services: ["db"] });
    expect([status, body.message]).toEqual([
      400,
      "service db mounts named volumes: its tasks stay where their data is",
    ]);
  });

  it("refuses what has no other place, and what isn't there", async () => {
    await asker.create("agent", { Mode: { Global: {} } });
    const { status, body } = await asker.ask("/murmur/rebalance", "POST", { services: ["agent"] });
    expect([status, body.message]).toEqual([
      400,
      "service agent is global: it has a task on every node, and none is to be moved",
    ]);
    expect((await asker.ask("/murmur/rebalance", "POST", { services: ["nobody"] })).status).toBe(404);
    expect((await asker.ask("/murmur/rebalance", "POST", { services: [] })).status).toBe(400);
  });
});
