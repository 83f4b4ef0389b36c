import { assert } from "@murmur/base";
import { taskId, type Service, type TaskStatus } from "@murmur/model";
import { beforeEach, expect, it } from "vitest";
import type { ServiceExplanation, TaskExplanation } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE, NODE_TWO, type MemoryCluster } from "../testing/memory-cluster.ts";

let asker: Asker;
let cluster: MemoryCluster;
let web: Service;

beforeEach(async () => {
  asker = new Asker();
  await asker.create("web", { Mode: { Replicated: { Replicas: 3 } } });
  const { replica } = asker.ports;
  const service = replica?.store.view.serviceByName("web");
  assert(replica !== undefined && service !== undefined, "the service is there");
  cluster = replica;
  web = service;
});

const task = async (name: string) => (await asker.ask<TaskExplanation>(`/murmur/tasks/${name}/explain`)).body;
const service = async () => (await asker.ask<ServiceExplanation>("/murmur/services/web/explain")).body;

/** What the first node reports of a task; time goes on. */
function report(id: string, change: Partial<TaskStatus>): void {
  const status = { state: "running", at: asker.ports.clock.now(), message: "started", ...change } as const;
  cluster.apply({ kind: "reportTasks", nodeId: NODE_ONE, statuses: [{ id: taskId(id), status }] });
}

it("of a task that waits for a node: what each filter refuses, and which node comes closest", async () => {
  cluster.addTask(web, "taskw1", 1);
  cluster.placement = {
    fitting: 0,
    message: "no suitable node (insufficient resources on 2 nodes)",
    refusals: [{ filter: "resources", nodes: 2, text: "insufficient resources on 2 nodes" }],
    closest: { nodeId: NODE_TWO, hostname: "beta", lacks: ["1 CPUs short"] },
  };
  const found = await task("web.1");
  expect(found.task.ID).toBe("taskw1");
  expect(found.why).toBe("no suitable node (insufficient resources on 2 nodes)");
  expect(found.placement).toEqual(cluster.placement);
  cluster.placement = { fitting: 2, message: "", refusals: [] };
  expect((await task("taskw1")).why).toBe("2 nodes could take it; it is given to one in a moment");
});

it("of a task that runs, fails its health check, is lost, or has ended", async () => {
  asker.runTask("taskw1", 1, "web");
  expect((await task("web.1")).why).toBe("it runs on node alpha");
  report("taskw1", { health: "unhealthy" });
  expect((await task("web.1")).why).toBe("it runs on node alpha, and its health check fails");
  cluster.apply({ kind: "setNodeState", id: NODE_ONE, state: "down", message: "" });
  expect((await task("web.1")).why).toBe("node alpha is down");
  cluster.apply({ kind: "setNodeState", id: NODE_ONE, state: "ready", message: "" });
  report("taskw1", { state: "failed", error: "task: non-zero exit (3)" });
  expect((await task("web.1")).why).toBe("it is failed: task: non-zero exit (3) (see murmur service logs web)");
});

it("of a task that failed before its turn came: when it is tried again, and no logs that there aren't", async () => {
  asker.runTask("taskw1", 1, "web");
  report("taskw1", { state: "failed", error: "task: non-zero exit (3)" });
  const id = cluster.addTask(web, "taskw2", 1, { desiredState: "ready", notBefore: asker.ports.clock.now() + 4_200 });
  cluster.apply({ kind: "assignTask", id, nodeId: NODE_ONE });
  report("taskw2", { state: "rejected", error: "no such image" });
  expect((await task("web.1")).why).toBe("it is rejected: no such image; it is tried again in 5 s");
});

it("of a service: how many run, and what is wrong with the others", async () => {
  asker.runTask("taskw1", 1, "web");
  asker.runTask("taskw2", 2, "web");
  report("taskw2", { health: "starting" });
  cluster.addTask(web, "taskw3", 3);
  const { why, tasks, more } = await service();
  expect(why).toBe("2 of 3 tasks run");
  expect(tasks.map((found) => [found.task.ID, found.why])).toEqual([
    ["taskw2", "it runs on node alpha, and its health check has not passed yet"],
    ["taskw3", "no suitable node"],
  ]);
  expect(more).toBe(0);
});

it("of a service with very many tasks the first, and how many more there are", async () => {
  for (let slot = 1; slot <= 25; slot += 1) cluster.addTask(web, `task${String(slot)}`, slot);
  const { tasks, more } = await service();
  expect([tasks.length, more]).toEqual([20, 5]);
});

it("says of a stopped service how to start it", async () => {
  const { Version, Spec } = await asker.inspect("web");
  await asker.ask(`/services/web/update?version=${String(Version.Index)}`, "POST", {
    ...Spec,
    Murmur: { Stopped: true },
  });
  expect((await service()).why).toBe("it is stopped; start it: murmur service start web");
});

it("knows no task and no service that there isn't", async () => {
  expect((await asker.ask("/murmur/tasks/web.9/explain")).status).toBe(404);
  expect((await asker.ask("/murmur/services/nope/explain")).status).toBe(404);
});

it("of a task on a node that is drained: what is to take over, and until when it may work on", async () => {
  asker.runTask("taskw1", 1, "web");
  const node = cluster.store.view.node(NODE_ONE);
  assert(node !== undefined, "the node is there");
  const drain = { deadlineMs: 60_000 };
  const spec = { ...node.spec, availability: "drain", drain } as const;
  cluster.apply({ kind: "updateNode", id: NODE_ONE, version: node.version, spec });
  const until = new Date(cluster.store.view.node(NODE_ONE)?.drainUntil ?? 0).toISOString().slice(0, 19);
  expect((await task("taskw1")).why).toBe(
    `it runs on node alpha, which is drained: it is to be replaced elsewhere, in its turn, and is stopped at ${until}Z at the latest`,
  );
  cluster.addTask(web, "taskw2", 1);
  const found = await task("taskw1");
  expect(found.why).toBe(
    `it runs on node alpha, which is drained: it works on until web.1.taskw2 does (pending: pending task scheduling), and is stopped at ${until}Z at the latest`,
  );
  expect(found.replacement?.ID).toBe("taskw2");
  expect((await task("taskw2")).replacement).toBeUndefined();
});

it("of a task that is to move: what it waits for, and that it stays otherwise", async () => {
  asker.runTask("taskw1", 1, "web");
  cluster.apply({ kind: "moveTasks", tasks: [taskId("taskw1")], forMs: 60_000 });
  const until = new Date(cluster.store.view.task(taskId("taskw1"))?.move?.until ?? 0).toISOString().slice(0, 19);
  const stays = `and stays if that takes longer than until ${until}Z`;
  expect((await task("taskw1")).why).toBe(`it runs on node alpha, and is to move, in its turn, ${stays}`);
  cluster.addTask(web, "taskw2", 1);
  expect((await task("taskw1")).why).toBe(
    `it runs on node alpha, and works on until web.1.taskw2 does (pending: pending task scheduling), ${stays}`,
  );
});
