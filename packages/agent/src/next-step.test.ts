import type { ErrorCode } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { TaskStatus } from "@murmur/model";
import { nextStep, type ContainerFacts, type NetworkFacts, type TaskFacts } from "./next-step.ts";
import type { Container } from "./ports.ts";
import { ASSIGNED, sampleTask, wanting } from "./testing/sample-task.ts";

const task = sampleTask(1, { container: { stopSignal: "SIGQUIT", stopGracePeriodMs: 3_000 } });
const ABSENT: ContainerFacts = { kind: "absent" };

const present = (parts: Partial<Container>): ContainerFacts => ({
  kind: "present",
  container: {
    id: "c1",
    name: "web.1",
    labels: {},
    state: "running",
    health: "none",
    pid: 7,
    exitCode: 0,
    error: "",
    oomKilled: false,
    ports: [],
    ...parts,
  },
});
const status = (state: TaskStatus["state"], parts: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  at: 0,
  message: state,
  ...parts,
});
const facts = (parts: Partial<TaskFacts>): TaskFacts => ({
  wanted: task,
  status: ASSIGNED,
  container: ABSENT,
  image: { kind: "untried" },
  network: { kind: "unneeded" },
  waitsFor: undefined,
  loginMissing: undefined,
  startAfter: 0,
  withdrawn: false,
  saved: true,
  startedHere: true,
  stop: undefined,
  atOnce: false,
  address: "10.0.0.1",
  ...parts,
});
const STARTED = status("running", {
  message: "started",
  health: "none",
  containerId: "c1",
  pid: 7,
  address: "10.0.0.1",
});
const NONE: NetworkFacts = { kind: "none" };
const PREPARED: NetworkFacts = { kind: "prepared", networks: { attached: [] } };
const PROCESS = { id: "c1", pid: 7 };
const ATTACHED: NetworkFacts = { kind: "attached", process: PROCESS };
const UNTOLD = { code: "unavailable", text: "not told of it yet" } as const;
const failing = (since: number, code: ErrorCode = "internal"): NetworkFacts => ({
  kind: "attaching",
  process: PROCESS,
  since,
  failure: { code, text: "no tunnel" },
});
const gone = wanting(task, "shutdown");
const removed = wanting(task, "remove");
const stopping = { cause: "unwanted", nextSignalAt: 500 } as const;

describe("the next step", () => {
  const table: readonly (readonly [string, Partial<TaskFacts>, object])[] = [
    ["asks the engine first", { container: { kind: "unknown" } }, { kind: "inspect" }],
    ["accepts", {}, { observation: { state: "accepted" } }],
    ["prepares", { status: status("accepted") }, { observation: { state: "preparing" } }],
    ["creates", { status: status("preparing") }, { kind: "create" }],
    ["pulls what is missing", { status: status("preparing"), image: { kind: "missing" } }, { kind: "pull" }],
    ["creates again after the pull", { status: status("preparing"), image: { kind: "pulled" } }, { kind: "create" }],
    [
      "is ready once created",
      { status: status("preparing"), container: present({ state: "created" }) },
      { observation: { state: "ready", message: "prepared" } },
    ],
    [
      "holds what is wanted ready only",
      { wanted: wanting(task, "ready"), status: status("ready"), container: present({ state: "created" }) },
      { kind: "none" },
    ],
    [
      "waits for its moment",
      { status: status("ready"), container: present({ state: "created" }), startAfter: 900 },
      { kind: "wait", until: 900 },
    ],
    [
      "says that it starts before it starts",
      { status: status("ready"), container: present({ state: "created" }) },
      { observation: { state: "starting" } },
    ],
    [
      "is known to be starting before it is",
      { status: status("starting"), container: present({ state: "created" }), saved: false },
      { kind: "save" },
    ],
    ["starts", { status: status("starting"), container: present({ state: "created" }) }, { kind: "start" }],
    [
      "waits until it is healthy",
      { status: status("starting"), container: present({ health: "starting" }) },
      { kind: "none" },
    ],
    ["runs", { status: status("starting"), container: present({}) }, { observation: { state: "running" } }],
    [
      "says so when its node has come back at another address",
      { status: STARTED, container: present({}), address: "10.0.0.2" },
      { observation: { state: "running", health: "none" } },
    ],
    [
      "says that the local image had to do",
      { status: status("starting"), container: present({}), image: { kind: "unpullable", error: "no route" } },
      {
        observation: {
          message: "started with the local image",
          error: "runs the image that the node has, pull failed: no route",
        },
      },
    ],
    ["rests while nothing changes", { status: STARTED, container: present({}) }, { kind: "none" }],
    [
      "tells a new process",
      { status: STARTED, container: present({ pid: 8 }) },
      { observation: { state: "running", health: "none" } },
    ],
    [
      "counts a paused container as unhealthy",
      { status: STARTED, container: present({ state: "paused" }) },
      { observation: { state: "running", message: "paused", health: "unhealthy" } },
    ],
    [
      "adopts a container that runs already",
      { status: status("preparing"), container: present({}) },
      { observation: { state: "starting" } },
    ],
    [
      "tells that it is unhealthy before it is stopped",
      { status: STARTED, container: present({ health: "unhealthy" }) },
      { observation: { state: "running", health: "unhealthy" } },
    ],
    [
      "withdraws an unhealthy task",
      { status: { ...STARTED, health: "unhealthy" }, container: present({ health: "unhealthy" }) },
      { kind: "withdraw" },
    ],
    [
      "stops an unhealthy task",
      { status: { ...STARTED, health: "unhealthy" }, container: present({ health: "unhealthy" }), withdrawn: true },
      { kind: "signal", signalName: "SIGQUIT", cause: "unhealthy", graceMs: 3_000 },
    ],
    [
      "fails an unhealthy task once it has stopped",
      { status: STARTED, container: present({ state: "exited" }), stop: { cause: "unhealthy", nextSignalAt: 0 } },
      { observation: { state: "failed", error: "task: non-zero exit (0): dockerexec: unhealthy container" } },
    ],
    [
      "completes",
      { status: STARTED, container: present({ state: "exited" }) },
      { observation: { state: "complete", message: "finished", exitCode: 0 } },
    ],
    [
      "fails with the exit code",
      { status: STARTED, container: present({ state: "exited", exitCode: 1, health: "unhealthy" }) },
      { observation: { state: "failed", error: "task: non-zero exit (1)", exitCode: 1 } },
    ],
    [
      "says when memory ran out",
      { status: STARTED, container: present({ state: "exited", exitCode: 137, oomKilled: true }) },
      { observation: { state: "failed", error: "task: non-zero exit (137): out of memory" } },
    ],
    [
      "fails when its container is gone",
      { status: STARTED, container: ABSENT },
      { observation: { state: "failed", error: "task: the container was removed by someone else" } },
    ],
    ["never starts a second time", { status: STARTED, container: present({ state: "created" }) }, { kind: "observe" }],
    ["shuts down what never was", { wanted: gone, container: ABSENT }, { observation: { state: "shutdown" } }],
    [
      "shuts down what never ran",
      { wanted: gone, status: status("ready"), container: present({ state: "created" }) },
      { observation: { state: "shutdown" } },
    ],
    ["withdraws before it stops", { wanted: gone, status: STARTED, container: present({}) }, { kind: "withdraw" }],
    [
      "doesn't withdraw what was never served",
      { wanted: gone, status: status("starting"), container: present({}) },
      { kind: "signal", signalName: "SIGQUIT", cause: "unwanted" },
    ],
    [
      "withdraws what it found running, whatever it remembers of it: the report may have gone out before a crash",
      { wanted: gone, status: status("preparing"), container: present({}), startedHere: false },
      { kind: "withdraw" },
    ],
    [
      "gives the process its grace",
      { wanted: gone, status: STARTED, container: present({}), withdrawn: true, stop: stopping },
      { kind: "wait", until: 500 },
    ],
    [
      "kills after the grace",
      {
        wanted: gone,
        status: STARTED,
        container: present({}),
        withdrawn: true,
        stop: { ...stopping, nextSignalAt: 9 },
      },
      { kind: "signal", signalName: "SIGKILL" },
    ],
    [
      "has shut down",
      { wanted: gone, status: STARTED, container: present({ state: "exited", exitCode: 143 }), stop: stopping },
      { observation: { state: "shutdown", exitCode: 143 } },
    ],
    [
      "keeps a stopped container for its logs",
      { wanted: gone, status: status("shutdown"), container: present({ state: "exited" }) },
      { kind: "none" },
    ],
    [
      "removes it when told",
      { wanted: removed, status: status("shutdown"), container: present({ state: "exited" }) },
      { kind: "remove", containerId: "c1" },
    ],
    [
      "stops what should have ended",
      { status: status("orphaned"), container: present({}), withdrawn: true },
      { kind: "signal", cause: "unwanted" },
    ],
    ["withdraws what nobody wants", { wanted: undefined, container: present({}) }, { kind: "withdraw" }],
    [
      "removes what nobody wants",
      { wanted: undefined, container: present({ state: "exited" }) },
      { kind: "remove", containerId: "c1" },
    ],
    ["waits for a removal", { wanted: undefined, container: present({ state: "removing" }) }, { kind: "none" }],
    ["forgets what is gone", { wanted: undefined }, { kind: "forget" }],

    ["prepares its networks before it creates", { status: status("preparing"), network: NONE }, { kind: "prepare" }],
    [
      "tells why its networks are not there",
      { status: status("preparing"), network: { kind: "none", failure: UNTOLD } },
      { observation: { state: "preparing", message: "preparing", error: "not told of it yet" } },
    ],
    [
      "and asks again once that is told",
      { status: status("preparing", { error: "not told of it yet" }), network: { kind: "none", failure: UNTOLD } },
      { kind: "prepare" },
    ],
    ["creates once they are prepared", { status: status("preparing"), network: PREPARED }, { kind: "create" }],
    [
      "makes anew what was made by halves",
      { status: status("ready"), container: present({ state: "created", incomplete: true }) },
      { kind: "remove", containerId: "c1" },
    ],
    [
      "attaches before it runs",
      { status: status("starting"), container: present({}), network: PREPARED },
      { kind: "attach", container: { id: "c1" } },
    ],
    [
      "attaches before it is healthy: the check may need the networks",
      { status: status("starting"), container: present({ health: "starting" }), network: PREPARED },
      { kind: "attach" },
    ],
    [
      "attaches a paused one, too",
      { status: status("starting"), container: present({ state: "paused" }), network: PREPARED },
      { kind: "attach" },
    ],
    [
      "doesn't attach between two processes",
      { status: STARTED, container: present({ state: "restarting", pid: 0 }), network: NONE },
      { kind: "none" },
    ],
    [
      "runs once it is attached",
      { status: status("starting"), container: present({}), network: ATTACHED },
      { observation: { state: "running" } },
    ],
    ["attaches what it finds running", { status: STARTED, container: present({}), network: NONE }, { kind: "attach" }],
    ["rests once that is attached", { status: STARTED, container: present({}), network: ATTACHED }, { kind: "none" }],
    [
      "detaches from a process that another one has followed",
      { status: STARTED, container: present({ pid: 8 }), network: ATTACHED },
      { kind: "detach" },
    ],
    [
      "attaches the next process before it tells of it",
      { status: STARTED, container: present({ pid: 8 }), network: NONE },
      { kind: "attach", container: { pid: 8 } },
    ],
    [
      "stops what runs though it was withdrawn: nobody sends to it any more",
      { status: STARTED, container: present({ pid: 8 }), network: NONE, withdrawn: true },
      { kind: "signal", cause: "withdrawn" },
    ],
    [
      "detaches what has ended before it says so",
      { status: STARTED, container: present({ state: "exited", pid: 0 }), network: ATTACHED },
      { kind: "detach" },
    ],
    [
      "stops what nobody wants",
      { wanted: undefined, status: STARTED, container: present({}), withdrawn: true },
      { kind: "signal", signalName: "SIGTERM", cause: "unwanted" },
    ],
    [
      "doesn't wait for it when its node is out",
      { wanted: undefined, status: STARTED, container: present({}), atOnce: true },
      { kind: "remove", containerId: "c1" },
    ],
    [
      "nor for what has its grace already",
      { wanted: undefined, status: STARTED, container: present({}), atOnce: true, stop: stopping },
      { kind: "remove", containerId: "c1" },
    ],
    ["detaches what was removed", { wanted: undefined, container: ABSENT, network: ATTACHED }, { kind: "detach" }],
    [
      "detaches what an attempt may have left",
      { status: status("starting"), container: present({ state: "exited" }), network: failing(0) },
      { kind: "detach" },
    ],
    [
      "doesn't detach what has still to be stopped",
      { wanted: gone, status: STARTED, container: present({}), network: ATTACHED },
      { kind: "withdraw" },
    ],
    [
      "tells why it isn't attached",
      { status: status("starting"), container: present({}), network: failing(0) },
      { observation: { state: "starting", error: "no tunnel" } },
    ],
    [
      "and tries again",
      { status: status("starting", { error: "no tunnel" }), container: present({}), network: failing(0) },
      { kind: "attach" },
    ],
    [
      "stops what can't be attached",
      { status: status("starting"), container: present({}), network: failing(-60_000) },
      { kind: "signal", cause: "unattached", error: "task: could not be connected to its networks: no tunnel" },
    ],
    [
      "withdraws what can't be attached any more",
      { status: STARTED, container: present({}), network: failing(-60_000) },
      { kind: "withdraw" },
    ],
    [
      "doesn't stop what has run because nobody answers",
      { status: STARTED, container: present({}), network: failing(-600_000, "unavailable") },
      { kind: "attach" },
    ],
    [
      "gives the process that can't be attached its grace, and its reason on",
      {
        status: status("starting"),
        container: present({}),
        network: failing(-70_000),
        stop: { cause: "unattached", error: "no tunnel", nextSignalAt: 9 },
      },
      { kind: "signal", signalName: "SIGKILL", cause: "unattached", error: "no tunnel" },
    ],
    [
      "fails what could not be attached",
      {
        status: status("starting"),
        container: present({ state: "exited", pid: 0 }),
        network: NONE,
        stop: { cause: "unattached", error: "no tunnel", nextSignalAt: 9 },
      },
      { observation: { state: "failed", error: "no tunnel" } },
    ],
  ];
  it.each(table)("%s", (_name, parts, expected) => {
    expect(nextStep(facts(parts), 100)).toMatchObject(expected);
  });
});
