import { ClusterError, ManualClock, Scope, SeededRandom, silentLog, sleep, type ErrorCode } from "@murmur/base";
import { taskName, type NodePermissions } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { DriverContext } from "./driver-context.ts";
import { containerLabels } from "./labels.ts";
import { Payloads } from "./payloads.ts";
import { perform, type Subject } from "./perform.ts";
import type { Container, Runtime, TaskNetworks } from "./ports.ts";
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
const engine = (answers: Partial<Runtime>, overlay?: Partial<TaskNetworks>): DriverContext => {
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
      volumes: unexpected,
      events: unexpected,
      ...answers,
    },
    networks: overlay && {
      prepare: unexpected,
      attach: unexpected,
      detach: () => {},
      expect: () => {},
      tidy: unexpected,
      ...overlay,
    },
    withdrawals: { publish: () => {}, acknowledged: () => Promise.resolve() },
    files: undefined,
    payloads: new Payloads(),
    templateNode: () => ({ id: SAMPLE_NODE.nodeId, hostname: "host1", os: "linux", architecture: "amd64" }),
    dropFiles: () => {},
    node: SAMPLE_NODE,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    log: silentLog,
    scope: new Scope(silentLog),
    engineReady: () => true,
    atOnce: () => false,
    onUnavailable: () => {},
    saved: () => Promise.resolve(),
    onStatus: () => {},
  };
};

const device = { source: "/dev/fuse", target: "/dev/fuse", permissions: "rwm" };

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

  it("is refused for what this node doesn't permit, whatever a manager says", async () => {
    const wanted = sampleTask(1, { container: { privileged: true, devices: [device] } });
    const permitting = (permits: NodePermissions): DriverContext => {
      const context = engine({ create: () => Promise.resolve("c1") });
      return { ...context, node: { ...context.node, permits } };
    };
    for (const permits of [{}, { devices: ["/dev/fuse"] }]) {
      const learned = await perform({ kind: "create" }, { ...subject, wanted }, permitting(permits), NEVER);
      expect(learned).toMatchObject({
        observation: {
          state: "rejected",
          error: expect.stringContaining("this node doesn't permit privileged") as string,
        },
      });
    }
    const learned = await perform({ kind: "create" }, { ...subject, wanted }, permitting({ privileged: true }), NEVER);
    expect(learned).toMatchObject({ container: { kind: "present" } });
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

describe("networks", () => {
  const prepared = { attached: [{ name: "murmur.a", ipv4: "10.64.1.9", mac: "02:42:0a:40:01:09" }] };

  it("are prepared, and given to the container that is made", async () => {
    const learned = await perform(
      { kind: "prepare" },
      subject,
      engine({}, { prepare: () => Promise.resolve(prepared) }),
      NEVER,
    );
    expect(learned).toEqual({ network: { kind: "prepared", networks: prepared } });
    let asked: unknown;
    const create: Runtime["create"] = (request) => {
      asked = request.networks;
      return Promise.resolve("c1");
    };
    await perform({ kind: "create" }, { ...subject, ...learned }, engine({ create }, {}), NEVER);
    expect(asked).toEqual(prepared);
  });

  it("are tried again when nobody answers, and refused when they can't be had", async () => {
    const away = engine({}, { prepare: refuses("unavailable") });
    await expect(perform({ kind: "prepare" }, subject, away, NEVER)).rejects.toMatchObject({ code: "unavailable" });
    const learned = await perform(
      { kind: "prepare" },
      subject,
      engine({}, { prepare: refuses("failed_precondition", "no room for this node") }),
      NEVER,
    );
    expect(learned).toMatchObject({ observation: { state: "rejected", error: "no room for this node" } });
  });

  it("are waited for while containers hold what stands in their way, not for ever", async () => {
    const held = engine({}, { prepare: refuses("in_use", "it has active endpoints") });
    const act = { kind: "prepare" } as const;
    await expect(perform(act, { ...subject, failures: 19 }, held, NEVER)).rejects.toMatchObject({ code: "in_use" });
    const learned = await perform(act, { ...subject, failures: 20 }, held, NEVER);
    expect(learned).toMatchObject({ observation: { state: "rejected", error: "it has active endpoints" } });
  });

  it("are attached for one process", async () => {
    const running = { ...container, state: "running", pid: 7, netns: "/netns/7" } as const;
    const act = { kind: "attach", container: running } as const;
    const learned = await perform(act, subject, engine({}, { attach: () => Promise.resolve() }), NEVER);
    expect(learned).toMatchObject({ network: { kind: "attached", process: { id: "c1", pid: 7, netns: "/netns/7" } } });
  });

  it("aren't waited for without end", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const context = { ...engine({}, { prepare: never, attach: never }), clock: new ManualClock() };
    for (const act of [{ kind: "prepare" }, { kind: "attach", container }] as const) {
      const done = perform(act, subject, context, NEVER).catch((error: unknown) => error);
      await context.clock.advance(60_000);
      expect(await done).toMatchObject({ code: "unavailable", message: expect.stringMatching(/^this node's overlay/) });
    }
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

  it("waits a while for an address that is taken, not for ever", async () => {
    const context = engine({ start: refuses("in_use", "Address already in use") });
    await expect(perform(act, subject, context, NEVER)).rejects.toMatchObject({ code: "in_use" });
    const learned = await perform(act, { ...subject, failures: 10 }, context, NEVER);
    const error = "starting container failed: Address already in use";
    expect(learned).toMatchObject({ observation: { state: "rejected", error } });
  });

  it("looks again when the container itself may be gone", async () => {
    const gone = engine({ start: refuses("not_found"), inspect: refuses("not_found") });
    await expect(perform(act, subject, gone, NEVER)).rejects.toMatchObject({ code: "not_found" });
    const there = engine({ start: refuses("not_found"), inspect: () => Promise.resolve(container) });
    expect(await perform(act, subject, there, NEVER)).toMatchObject({ observation: { state: "rejected" } });
  });
});

describe("withdrawing", () => {
  /** When it is done, by the clock of the test; `acknowledgedMs`: when the others have answered. */
  async function doneAt(acknowledgedMs: number, overlay?: Partial<TaskNetworks>): Promise<number> {
    const clock = new ManualClock();
    const acknowledged = () => sleep(clock, acknowledgedMs, NEVER);
    const context = { ...engine({}, overlay), clock, withdrawals: { publish: () => {}, acknowledged } };
    let at = -1;
    const done = perform({ kind: "withdraw" }, subject, context, NEVER).then(() => (at = clock.monotonic()));
    const began = clock.monotonic();
    await clock.advance(60_000);
    await done;
    return at - began;
  }

  it("is done when nobody sends to the task any more, or after a second", async () => {
    expect(await doneAt(300)).toBe(300);
    expect(await doneAt(30_000)).toBe(1_000);
  });

  it("leaves the last comers a moment in the overlay, where no proxy tries again", async () => {
    expect(await doneAt(300, {})).toBe(500);
    expect(await doneAt(30_000, {})).toBe(3_200);
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
