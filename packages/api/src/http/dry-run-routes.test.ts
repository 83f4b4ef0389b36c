import { assert } from "@murmur/base";
import { beforeEach, expect, it } from "vitest";
import type { ServiceDryRun } from "../murmur-types.ts";
import { Asker, spec } from "../testing/asker.ts";
import { NODE_TWO, type MemoryCluster } from "../testing/memory-cluster.ts";

let asker: Asker;
let cluster: MemoryCluster;

beforeEach(() => {
  asker = new Asker();
  const { replica } = asker.ports;
  assert(replica !== undefined, "there is a replica");
  cluster = replica;
});

const PATH = "/murmur/services/dry-run";
const dryRun = (body: unknown, query = "") =>
  asker.ask<ServiceDryRun & { message: string }>(PATH + query, "POST", body);

/** The version of a service and its spec as a client has it. */
async function read(name: string) {
  const { Version, Spec } = await asker.inspect(name);
  return { query: `?service=${name}&version=${String(Version.Index)}`, version: Version.Index, spec: Spec };
}

it("shows all that a new service would have, and makes none", async () => {
  const hash = cluster.store.hash();
  const { status, body } = await dryRun(spec("web"));
  expect(status).toBe(200);
  expect(body.service).toBeUndefined();
  const fields = new Map(body.changes.map(({ field, after }) => [field, after]));
  expect(fields.get("TaskTemplate.ContainerSpec.Image")).toBe("nginx");
  expect(fields.get("Mode.Replicated.Replicas")).toBe(1);
  expect(fields.get("UpdateConfig.Parallelism")).toBe(1);
  expect(body.tasks).toEqual({ placed: 0, kept: 0, new: 0, stopped: 0, waiting: 0 });
  expect(cluster.store.hash()).toBe(hash);
});

it("shows what an update would change, where the tasks would be, and why some would wait", async () => {
  await asker.create("web", { Mode: { Replicated: { Replicas: 3 } } });
  asker.runTask("taskw1", 1, "web");
  const service = cluster.store.view.serviceByName("web");
  assert(service !== undefined, "the service is there");
  cluster.runTask(service, "taskw2", 2, NODE_TWO);
  cluster.addTask(service, "taskw3", 3);
  const hash = cluster.store.hash();
  const { query, version, spec: known } = await read("web");
  const labels = { ...known.Labels, tier: "front" };
  const { body } = await dryRun({ ...known, Labels: labels }, query);
  expect(body.service).toEqual({ id: service.id, version });
  expect(body.changes).toEqual([{ field: "Labels.tier", before: "web", after: "front" }]);
  expect(body.tasks).toEqual({ placed: 2, kept: 2, new: 0, stopped: 0, waiting: 1 });
  expect(body.nodes.map(({ hostname, before, after }) => [hostname, before, after])).toEqual([
    ["alpha", 1, 1],
    ["beta", 1, 1],
  ]);
  expect(body.amiss.map(({ task, why }) => [task.Slot, why])).toEqual([[3, "no suitable node"]]);
  expect(body.settled).toBe(true);
  expect(cluster.store.hash()).toBe(hash);
});

it("shows what going back would change", async () => {
  await asker.create("web");
  const { query, spec: known } = await read("web");
  await asker.ask(`/services/web/update${query.replace("?service=web&", "?")}`, "POST", { ...known, Labels: {} });
  const { body } = await dryRun({ ...known }, `${(await read("web")).query}&rollback=previous`);
  expect(body.changes).toEqual([{ field: "Labels.tier", after: "web" }]);
});

it("refuses what a real request would be refused for", async () => {
  await asker.create("web");
  const { spec: known } = await read("web");
  const stale = await dryRun(known, "?service=web&version=1");
  expect([stale.status, stale.headers.get("murmur-error-code")]).toEqual([500, "out_of_date"]);
  expect((await dryRun(known, "?service=web")).body.message).toMatch(/invalid service version/);
  expect((await dryRun(known, "?service=nope&version=1")).status).toBe(404);
  const taken = await dryRun(spec("web"));
  expect([taken.status, taken.headers.get("murmur-error-code")]).toEqual([409, "name_conflict"]);
  expect((await dryRun(spec("bad name"))).status).toBe(400);
  expect((await dryRun(known, "?service=web&version=1&rollback=x")).status).toBe(400);
});
