import { beforeEach, describe, expect, it } from "vitest";
import type { Task } from "../docker/task-types.ts";
import { Asker, filters } from "../testing/asker.ts";
import { NODE_ONE } from "../testing/memory-cluster.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

describe("tasks", () => {
  beforeEach(async () => {
    await asker.create("web");
    await asker.create("db");
    asker.runTask("taskw1", 1, "web");
    asker.runTask("taskd1", 1, "db");
  });

  it("are shown as Docker shows them", async () => {
    const { body } = await asker.ask<Task>("/tasks/taskw");
    expect(body).toMatchObject({
      ID: "taskw1",
      Slot: 1,
      NodeID: NODE_ONE,
      DesiredState: "running",
      Status: {
        State: "running",
        Message: "started",
        ContainerStatus: { ContainerID: "f".repeat(64), PID: 42, ExitCode: 0 },
      },
      Spec: { ContainerSpec: { Image: "nginx" } },
      Murmur: { Name: "web.1.taskw1", ServiceName: "web" },
    });
    expect(body.NetworksAttachments?.[0]?.Network.Spec.Name).toBe("default");
  });

  it.each([
    [{ service: ["web"] }, ["taskw1"]],
    [{ service: ["web", "db"] }, ["taskw1", "taskd1"]],
    [{ node: ["alpha"] }, ["taskw1", "taskd1"]],
    [{ node: ["beta"] }, []],
    [{ name: ["web.1"] }, ["taskw1"]],
    [{ id: ["taskd"] }, ["taskd1"]],
    [{ label: ["tier=web"] }, ["taskw1"]],
    [{ "desired-state": ["Running"] }, ["taskw1", "taskd1"]],
    [{ "desired-state": ["shutdown"] }, []],
    [{ service: ["web"], "_up-to-date": ["true"] }, ["taskw1"]],
  ])("filters by %j", async (given, ids) => {
    const { body } = await asker.ask<Task[]>(`/tasks?${filters(given)}`);
    expect(body.map(({ ID }) => ID)).toEqual(ids);
  });

  it("of a job are counted from 0, as Docker's clients do", async () => {
    await asker.create("once", { Mode: { ReplicatedJob: { TotalCompletions: 2, MaxConcurrent: 2 } } });
    asker.runTask("taskj1", 1, "once");
    asker.runTask("taskj2", 2, "once");
    const { body } = await asker.ask<Task[]>(`/tasks?${filters({ service: ["once"] })}`);
    expect(body.map(({ Slot, Murmur }) => [Slot, Murmur.Slot])).toEqual([
      [undefined, 1],
      [1, 2],
    ]);
  });

  it("knows which are up to date", async () => {
    const service = await asker.inspect("web");
    const path = `/services/web/update?version=${String(service.Version.Index)}`;
    await asker.ask(path, "POST", { ...service.Spec, TaskTemplate: { ContainerSpec: { Image: "nginx:2" } } });
    expect((await asker.ask<Task[]>(`/tasks?${filters({ service: ["web"], "_up-to-date": ["1"] })}`)).body).toEqual([]);
  });

  it.each([
    [`/tasks?${filters({ service: ["nope"] })}`, 404, "service nope not found"],
    [`/tasks?${filters({ node: ["nope"] })}`, 404, "node nope not found"],
    [`/tasks?${filters({ "desired-state": ["up"] })}`, 400, "Invalid desired-state filter: 'up'"],
    [`/tasks?filters=x`, 400, "invalid filter"],
    ["/tasks/nope", 404, "task nope not found"],
    ["/tasks/task", 400, "task task is ambiguous (2 matches found)"],
  ])("refuses %s", async (path, status, message) => {
    const answer = await asker.ask(path);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });
});
