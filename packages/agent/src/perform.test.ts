import { ClusterError, ManualClock, Scope, SeededRandom, silentLog, type ErrorCode } from "@murmur/base";
import { taskName } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { DriverContext } from "./driver-context.ts";
import { containerLabels } from "./labels.ts";
import { perform, type Subject } from "./perform.ts";
import type { Container, Runtime } from "./ports.ts";
import { SAMPLE_NODE, sampleTask } from "./testing/sample-task.ts";

const task = sampleTask(1);
const subject: Subject = {
  id: task.id,
  wanted: task,
  containerId: undefined,
  image: { kind: "untried" },
  network: { kind: "unneeded" },
  failures: 0,
};
const container: Container = {
  id: "c1",
  name: taskName(task),
  labels: containerLabels(task, SAMPLE_NODE),
  state: "created",
  health: "none",
  pid: 0,
  exitCode: 0,
  error: "",
  oomKilled: false,
  ports: [],
};
const NEVER = new AbortController().signal;

const refuses =
  (code: ErrorCode, text = "the engine's words") =>
  (): Promise<never> =>
    Promise.reject(new ClusterError(code, text));

/** An engine that answers what the test says, and fails the test where it says nothing. */
const engine = (answers: Partial<Runtime>): DriverContext => {
  const unexpected = refuses("internal", "not expected by this test");
  return {
    engine: {
      ping: unexpected,
      info: unexpected,
      pull: unexpected,
      create: unexpected,
      start: unexpected,
      kill: unexpected,
      remove: unexpected,
      inspect: unexpected,
      list: unexpected,
      events: unexpected,
      ...answers,
    },
    networks: undefined,
    withdrawals: { publish: () => {}, acknowledged: () => Promise.resolve() },
    node: SAMPLE_NODE,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    log: silentLog,
    scope: new Scope(silentLog),
    engineReady: () => true,
    onUnavailable: () => {},
    onStatus: () => {},
  };
};

describe("creating", () => {
  it("takes the container that an earlier attempt has made", async () => {
    const context = engine({ create: refuses("name_conflict"), inspect: () => Promise.resolve(container) });
    const learned = await perform({ kind: "create" }, subject, context, NEVER);
    expect(learned).toEqual({ container: { kind: "present", container } });
  });

  it("is refused when the name is somebody else's", async () => {
    const foreign = { ...container, labels: {} };
    const context = engine({ create: refuses("name_conflict"), inspect: () => Promise.resolve(foreign) });
    const learned = await perform({ kind: "create" }, subject, context, NEVER);
    expect(learned).toMatchObject({ observation: { state: "rejected", error: "the engine's words" } });
  });

  it("waits a while for a name whose container doesn't show, not for ever", async () => {
    const context = engine({ create: refuses("name_conflict"), inspect: refuses("not_found") });
    await expect(perform({ kind: "create" }, subject, context, NEVER)).rejects.toMatchObject({ code: "not_found" });
    const learned = await perform({ kind: "create" }, { ...subject, failures: 10 }, context, NEVER);
    expect(learned).toMatchObject({ observation: { state: "rejected" } });
  });

  it.each([
    ["untried", { kind: "untried" }, { image: { kind: "missing" } }],
    ["pulled", { kind: "pulled" }, { observation: { state: "rejected", error: "the engine's words" } }],
    [
      "unpullable",
      { kind: "unpullable", error: "no route" },
      { observation: { state: "rejected", error: "no route" } },
    ],
  ] as const)("without its image, %s", async (_name, image, expected) => {
    const context = engine({ create: refuses("not_found") });
    expect(await perform({ kind: "create" }, { ...subject, image }, context, NEVER)).toMatchObject(expected);
  });

  it("is tried again when the engine didn't answer", async () => {
    const context = engine({ create: refuses("unavailable") });
    await expect(perform({ kind: "create" }, subject, context, NEVER)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("starting", () => {
  const act = { kind: "start", containerId: "c1" } as const;

  it.each([
    ["port_conflict", "rejected"],
    ["invalid_argument", "rejected"],
    ["failed_precondition", "rejected"],
    ["internal", "failed"],
  ] as const)("refused as %s is %s", async (code, state) => {
    const learned = await perform(act, subject, engine({ start: refuses(code) }), NEVER);
    const error = "starting container failed: the engine's words";
    expect(learned).toMatchObject({ observation: { state, error } });
  });

  it("looks again when the container itself may be gone", async () => {
    const gone = engine({ start: refuses("not_found"), inspect: refuses("not_found") });
    await expect(perform(act, subject, gone, NEVER)).rejects.toMatchObject({ code: "not_found" });
    const there = engine({ start: refuses("not_found"), inspect: () => Promise.resolve(container) });
    expect(await perform(act, subject, there, NEVER)).toMatchObject({ observation: { state: "rejected" } });
  });
});

describe("stopping", () => {
  const act = { kind: "signal", containerId: "c1", signalName: "SIGODD", cause: "unwanted", graceMs: 5_000 } as const;

  it("gives the process its grace", async () => {
    const learned = await perform(act, subject, engine({ kill: () => Promise.resolve() }), NEVER);
    expect(learned).toEqual({ stop: { cause: "unwanted", nextSignalAt: 5_000 } });
  });

  it("kills at once when the engine doesn't know the stop signal", async () => {
    const learned = await perform(act, subject, engine({ kill: refuses("invalid_argument") }), NEVER);
    expect(learned).toEqual({ stop: { cause: "unwanted", nextSignalAt: 0 } });
  });

  it("isn't begun when the process has just ended", async () => {
    const context = engine({ kill: refuses("failed_precondition") });
    await expect(perform(act, subject, context, NEVER)).rejects.toMatchObject({ code: "failed_precondition" });
  });
});

it("takes a container that is gone as removed", async () => {
  const context = engine({ remove: refuses("not_found") });
  const learned = await perform({ kind: "remove", containerId: "c1" }, subject, context, NEVER);
  expect(learned).toEqual({ container: { kind: "absent" } });
});
