import type { NodeSpec, Task, TaskExplanation } from "@murmur/api";
import { describe, expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { aNode, aService, aTask } from "../testing/objects.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const web = aService("web");
const old = aTask(web, { slot: 1, id: "old" });
const ended: Task = { ...old, DesiredState: "shutdown", Status: { ...old.Status, State: "shutdown" } };
const next = aTask(web, { slot: 1, id: "next", state: "pending", error: "no suitable node" });

interface Drained extends Ran {
  /** What was written of the node. */
  readonly specs: readonly NodeSpec[];
}

/** Each look finds the next of `looks`; the last one stays. */
async function drain(
  line: string,
  { looks, change = {} }: { looks: readonly TaskExplanation[]; change?: Partial<ReturnType<typeof aNode>> },
): Promise<Drained> {
  let spec: NodeSpec = aNode("host1").Spec;
  const specs: NodeSpec[] = [];
  let at = -1;
  const current = (): TaskExplanation | undefined => looks[Math.min(at, looks.length - 1)];
  const routes: Record<string, Route> = {
    "GET /nodes/*": () => ({ json: { ...aNode("host1", change), Spec: spec } }),
    "POST /nodes/*/update": ({ body }) => {
      specs.push((spec = body as NodeSpec));
      return { json: null };
    },
    "GET /tasks": () => {
      at += 1;
      return { json: [current()?.task] };
    },
    "GET /murmur/tasks/*/explain": () => ({ json: current() }),
  };
  await using daemon = await FakeDaemon.start(routes);
  // Time between two looks is nothing to what they find.
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    setTimer: (_: number, callback: () => void) => {
      const timer = setImmediate(callback);
      return { cancel: () => clearImmediate(timer) };
    },
  };
  const ran = await runMurmur(["-H", daemon.socketPath, ...line.split(" ")], { clock });
  return { ...ran, specs };
}

const working: TaskExplanation = { task: old, why: "", replacement: next };
const replaced: TaskExplanation = { task: ended, why: "", replacement: aTask(web, { slot: 1, id: "next" }) };
const cut: TaskExplanation = { task: ended, why: "", replacement: next };
const LINE = "node update --availability drain --wait --deadline 5m host1";

describe("a drain with a deadline", () => {
  it("is waited for until the node has no task left, and shows what is waited for", async () => {
    const { status, stdout, stderr, specs } = await drain(LINE, { looks: [working, replaced] });
    expect(specs).toMatchObject([{ Availability: "drain", Murmur: { Drain: { Deadline: 300e9 } } }]);
    expect(stdout.split("\n")).toEqual([
      "host1",
      "overall progress: 0 out of 1 tasks stopped",
      "web.1: running: its replacement is pending: no suitable node",
      "overall progress: 1 out of 1 tasks stopped",
      "verify: Node host1 has no task left",
      "",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("fails when something had to be stopped at the deadline, and says why", async () => {
    const { status, stderr } = await drain(LINE, { looks: [working, cut] });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr:
        "murmur: stopped at the deadline, before their replacements ran: 1\n  web.1: its replacement is pending: no suitable node\n",
    });
  });

  it("does not fail for a task that ended by itself", async () => {
    const failed: Task = { ...old, Status: { ...old.Status, State: "failed" } };
    const { status } = await drain(LINE, { looks: [working, { ...cut, task: failed }] });
    expect(status).toBe(0);
  });

  it("isn't waited for on a node that is down", async () => {
    const change = { Status: { State: "down", Addr: "10.0.0.1" } } as const;
    const { status, stderr } = await drain(LINE, { looks: [working], change });
    expect(status).toBe(6);
    expect(stderr).toContain("node host1 is down");
  });
});

describe("a drain without a deadline", () => {
  it("is Docker's: at once, and nothing is said of what it stops", async () => {
    const { status, stderr, specs } = await drain("node update --availability drain --wait host1", {
      looks: [working, cut],
    });
    expect(specs).toMatchObject([{ Availability: "drain", Murmur: { Drain: null } }]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("the list of a node's tasks", () => {
  it("says what works on a node that is drained, and what it waits for", async () => {
    const Murmur = { ...aNode("host1").Murmur, DrainUntil: "2026-11-21T03:10:00.000000000Z" };
    await using daemon = await FakeDaemon.start({
      "GET /nodes": () => ({ json: [aNode("host1")] }),
      "GET /nodes/*": () => ({
        json: aNode("host1", { Murmur, Spec: { Role: "worker", Availability: "drain", Labels: {} } }),
      }),
      "GET /tasks": () => ({ json: [old] }),
      "GET /murmur/tasks/*/explain": () => ({ json: working }),
    });
    const { stderr } = await runMurmur(["-H", daemon.socketPath, "node", "ps", "host1"]);
    expect(stderr).toBe(
      "murmur: node host1 is drained; what is left at 2026-11-21T03:10:00Z is stopped\n  web.1: its replacement is pending: no suitable node\n",
    );
  });
});

describe("contradictory flags", () => {
  it.each([
    ["node update --wait host1", "go with --availability drain"],
    ["node update --availability pause --deadline 5m host1", "go with --availability drain"],
    ["node update --availability drain --deadline 25h host1", "--deadline must be from 1ms to 24h, not '25h'"],
    ["node update --availability drain --deadline 0 host1", "--deadline must be from 1ms to 24h, not '0'"],
    ["node update --availability drain --deadline soon host1", "invalid duration 'soon'"],
  ])("%s", async (line, says) => {
    const { status, stderr, specs } = await drain(line, { looks: [working] });
    expect(status).toBe(2);
    expect(stderr).toContain(says);
    expect(specs).toEqual([]);
  });
});
