import { expect, it } from "vitest";
import { aService, aTask, type TaskStart } from "../testing/objects.ts";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const web = aService("web", { Spec: { ...aService("web").Spec, Mode: { Replicated: { Replicas: 1 } } } });
const taskEvent = (start: TaskStart) => {
  const object = aTask(web, start);
  return { kind: "task", action: "put", version: 6, id: object.ID, object };
};
const SNAPSHOT = [
  { kind: "snapshot", version: 5 },
  { kind: "service", action: "put", version: 5, id: web.ID, object: web },
  { kind: "synced", version: 5 },
];

async function create(
  routes: Record<string, Route>,
  ports: Parameters<typeof runMurmur>[1] = {},
  ...flags: string[]
): Promise<Ran> {
  await using daemon = await FakeDaemon.start({
    "POST /services/create": () => ({ json: { ID: web.ID, Warnings: null } }),
    ...routes,
  });
  return await runMurmur(
    ["-H", daemon.socketPath, "service", "create", "--no-resolve-image", ...flags, "--name", "web", "nginx"],
    ports,
  );
}
const streaming = (...events: readonly unknown[]): Record<string, Route> => ({
  "GET /murmur/events": () => ({ lines: [...SNAPSHOT, ...events] }),
});

it("shows each task's way and ends when it has run for a second", async () => {
  const ran = await create(streaming(taskEvent({ slot: 1, state: "preparing" }), taskEvent({ slot: 1 })));
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(ran.stdout.split("\n")).toEqual([
    web.ID,
    "overall progress: 0 out of 1 tasks",
    "web.1: preparing",
    "overall progress: 1 out of 1 tasks",
    "verify: Service web converged",
    "",
  ]);
});

it("is silent with --quiet, and returns at once with --detach", async () => {
  expect((await create(streaming(taskEvent({ slot: 1 })), {}, "--quiet")).stdout).toBe(`${web.ID}\n`);
  expect((await create({}, {}, "--detach")).stdout).toBe(`${web.ID}\n`);
});

it("asks again and again where there is no stream of events", async () => {
  const states: TaskStart[] = [{ slot: 1, state: "starting" }, { slot: 1 }];
  const ran = await create({
    "GET /murmur/events": () => ({ status: 503, code: "no_leader", message: "no leader" }),
    "GET /services/*": () => ({ json: web }),
    "GET /tasks": () => ({ json: [aTask(web, (states.length > 1 ? states.shift() : states[0]) ?? { slot: 1 })] }),
  });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(ran.stdout).toContain("web.1: starting\noverall progress: 1 out of 1 tasks\n");
});

it("fails with the engine's words when a slot fails again and again", async () => {
  const failures = ["a", "b", "c"].map((id, after) =>
    taskEvent({ slot: 1, id, state: "rejected", desired: "shutdown", error: "No such image: nginx", after }),
  );
  const ran = await create(streaming(...failures, taskEvent({ slot: 1, id: "d", state: "new", after: 4 })));
  expect(ran.status).toBe(1);
  expect(ran.stderr).toBe(
    "murmur: service web did not converge: tasks fail again and again (web.1: 3 times); web.1: No such image: nginx\n",
  );
});

it("leaves the service to itself at Ctrl-C, and says so", async () => {
  const abort = new AbortController();
  const ran = await create(
    {
      "GET /murmur/events": () => {
        setImmediate(() => abort.abort());
        return { lines: SNAPSHOT };
      },
    },
    { interrupts: () => abort.signal },
  );
  expect(ran.status).toBe(130);
  expect(ran.stderr).toBe("Operation continuing in background. Use `murmur service ps web` to check progress.\n");
});
