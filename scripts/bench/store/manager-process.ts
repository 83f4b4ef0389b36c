/** A process of the store bench: one real manager, told over IPC what to do and when to measure. */
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, nodeId, type NodeId } from "@murmur/base";
import type { Manager, SessionChannel } from "@murmur/manager";
import { clusterId, DEFAULT_CLUSTER_SPEC, networkId, type Command, type NodeSpec, type Task } from "@murmur/model";
import { openStation, type StationPlan } from "./station.ts";
import { StallMeter } from "./stall-meter.ts";
import { id, nodeCommands, NODES, runningStatus, services, TASKS, workerId } from "./workload.ts";

/** What the parent asks for. */
export type Request =
  | {
      readonly kind: "start";
      readonly plan: StationPlan;
      readonly managers: readonly string[];
      readonly found: boolean;
    }
  | { readonly kind: "fill" }
  | { readonly kind: "collect" }
  | { readonly kind: "snapshot" }
  | { readonly kind: "invite" }
  | { readonly kind: "await-state" }
  | { readonly kind: "sent" }
  | { readonly kind: "rest"; readonly ms: number }
  | { readonly kind: "change" }
  | { readonly kind: "tail"; readonly bytes: number }
  | { readonly kind: "results" };

/** Figures that a request has brought. */
export type Answer = Readonly<Record<string, number>>;

const NETWORK = networkId(id("network", 0));
/** Entries of so many statuses, as a batch of agents' reports has them. */
const STATUSES_PER_COMMAND = 64;
const COMMANDS_PER_ENTRY = 64;
/** While a snapshot is stored: entries as large as those of a busy cluster. */
const REPORTS_PER_ENTRY = 16;
const ENTRIES_IN_FLIGHT = 8;
const POLL_MS = 20;
const SNAPSHOT_LIMIT_MS = 120_000;

const meter = new StallMeter();
/** What ends the session of each node. */
const hangUps = new Map<NodeId, () => void>();
const never = new AbortController().signal;
let manager: Manager;
let managers: readonly string[] = [];
let peakMb = 0;
let snapshotsStored = 0;
let isSaving = false;
let filled = false;

const rssMb = (): number => process.memoryUsage.rss() / 2 ** 20;
setInterval(() => (peakMb = Math.max(peakMb, rssMb())), 50).unref();

const submit = (commands: readonly Command[]): Promise<void> => manager.submitInternal(commands, never);

/** Submits entries in order of arrival, a few at a time. */
async function submitAll(entries: Iterable<readonly Command[]>): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  for (const entry of entries) {
    const submitted = submit(entry).finally(() => inFlight.delete(submitted));
    inFlight.add(submitted);
    if (inFlight.size >= ENTRIES_IN_FLIGHT) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
}

function* entriesOf(commands: Iterable<Command>, perEntry = COMMANDS_PER_ENTRY): Generator<Command[]> {
  let entry: Command[] = [];
  for (const command of commands) {
    entry.push(command);
    if (entry.length < perEntry) continue;
    yield entry;
    entry = [];
  }
  if (entry.length > 0) yield entry;
}

const start = async ({ plan, found, ...rest }: Extract<Request, { kind: "start" }>): Promise<Answer> => {
  managers = rest.managers;
  const now = Date.now();
  const secrets = { caKeyPem: "key", joinSecret: "secret", gossipKeys: ["gossip"] };
  const cluster = { id: clusterId(id("cluster", 0)), spec: DEFAULT_CLUSTER_SPEC, caPem: "ca", secrets };
  const commands: Command[] = [
    { kind: "createCluster", cluster, defaultNetworkId: NETWORK, now },
    ...nodeCommands({ id: plan.self, at: 0 }, now),
  ];
  const station = await openStation(plan, {
    ...(found && { bootstrap: { commands } }),
    onLine: (message) => {
      if (message === "sending a snapshot") meter.begin("sending");
    },
    onSaving: (saving) => {
      if (saving) meter.begin(filled ? "snapshotting" : "snapshotting_filling");
      else meter.end(filled ? "snapshotting" : "snapshotting_filling");
      snapshotsStored += saving ? 0 : 1;
      isSaving = saving;
    },
  });
  manager = station.manager;
  if (found) serveAgent(plan.self);
  const applied_s = process.uptime();
  if (found || manager.status().membership.voters.includes(plan.self)) await manager.read(never);
  return { applied_s, ready_s: process.uptime(), applied: manager.status().applied };
};

/** A session as each node has one, so that what a manager does for sessions is in the figures; it reports nothing. */
function serveAgent(node: NodeId): void {
  const { promise: closed, resolve } = Promise.withResolvers<IteratorReturnResult<undefined>>();
  const close = (): void => resolve({ done: true, value: undefined });
  const silent: SessionChannel = {
    nodeId: node,
    endpoints: 0,
    write: () => Promise.resolve(),
    reports: { [Symbol.asyncIterator]: () => ({ next: () => closed }) },
    close,
  };
  hangUps.set(node, close);
  manager.serveSession(silent).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}

/** Nodes join, services are created; the leader's loop makes and places the tasks, and their agents report them up. */
async function fill(): Promise<Answer> {
  const before = performance.now();
  meter.begin("filling");
  const now = Date.now();
  const nodes = Array.from({ length: NODES - 1 }, (_, nth) => nth + 1).map((at) => {
    const manages = managers[at];
    return { id: manages === undefined ? workerId(at) : nodeId(manages), at };
  });
  await submitAll(entriesOf(nodes.flatMap((node) => nodeCommands(node, now))));
  // A node without a session would be down after a while.
  for (const { id: node } of nodes) serveAgent(node);
  // None but the first may manage for now.
  await pin(nodes.map(({ id: node }) => node));
  const changes = manager.watch({ limit: 1_000_000 });
  await submitAll(entriesOf([...services(NETWORK)].map((service) => ({ kind: "createService", ...service, now }))));
  for (let running = 0; running < TASKS; await sleep(POLL_MS)) {
    const events = changes.drain();
    if (events.kind === "resync") throw new Error("the bench fell behind the manager");
    const assigned = new Map<string, Task>();
    for (const batch of events.batches) {
      for (const { table, current } of batch.changes)
        if (table === "tasks" && current?.status.state === "assigned") assigned.set(current.id, current);
    }
    const reports = reportsOf([...assigned.values()], 0);
    await submitAll(entriesOf(reports));
    running += assigned.size;
  }
  changes.close();
  meter.end("filling");
  while (isSaving) await sleep(POLL_MS);
  filled = true;
  await sleep(1_000);
  const { nodes: made, taskCount } = { nodes: manager.view.nodes().length, taskCount: manager.view.taskCount };
  return { fill_s: (performance.now() - before) / 1_000, nodes: made, tasks: taskCount };
}

/** The leader writes into the records of nodes too: what was built on a record that it has changed is built anew. */
async function pin(nodes: readonly string[]): Promise<void> {
  for (let at = 0; at < nodes.length;) {
    const some = nodes.slice(at, at + COMMANDS_PER_ENTRY);
    try {
      await submit(some.map((node) => pinned(node, "worker")));
      at += some.length;
    } catch (error) {
      if (codeOf(error) !== "out_of_date") throw error;
    }
  }
}

/** Takes nodes out of the choice of managers, or into it again. */
function pinned(node: string, role: NodeSpec["pinnedRole"]): Command {
  const record = manager.view.node(nodeId(node));
  if (record === undefined) throw new Error(`node ${node} is missing`);
  const { pinnedRole: _, ...spec } = record.spec;
  const next: NodeSpec = role === undefined ? spec : { ...spec, pinnedRole: role };
  return { kind: "updateNode", id: record.id, version: record.version, spec: next, now: Date.now() };
}

function* reportsOf(tasks: readonly Task[], times: number): Generator<Command> {
  const ofNode = Map.groupBy(tasks, (task) => task.nodeId);
  const now = Date.now();
  for (const [node, own] of ofNode) {
    if (node === undefined) continue;
    for (let at = 0; at < own.length; at += STATUSES_PER_COMMAND) {
      const statuses = own.slice(at, at + STATUSES_PER_COMMAND);
      yield {
        kind: "reportTasks",
        nodeId: node,
        statuses: statuses.map((task) => ({ id: task.id, status: runningStatus(task, now, times) })),
        now,
      };
    }
  }
}

/** Agents report until a snapshot was due and is stored: the state is written while entries go on being applied. */
async function snapshot(): Promise<Answer> {
  const before = snapshotsStored;
  const start = performance.now();
  const tasks = [...manager.view.tasks()].slice(0, 20_000);
  let times = 0;
  while (snapshotsStored === before) {
    times += 1;
    await submitAll(entriesOf(reportsOf(tasks, times), REPORTS_PER_ENTRY));
    if (performance.now() - start > SNAPSHOT_LIMIT_MS) throw new Error("no snapshot was stored");
  }
  return { reports: times, snapshot_s: (performance.now() - start) / 1_000 };
}

/** Two more nodes may manage now. One is there; the leader sends it its snapshot. Until it has all of the log. */
async function invite(): Promise<Answer> {
  const before = performance.now();
  const [, ...others] = managers;
  await submit(others.map((node) => pinned(node, undefined)));
  return { invite_ms: performance.now() - before };
}

/** Until the snapshot and the log behind it are here. */
async function awaitState(): Promise<Answer> {
  const before = performance.now();
  meter.begin("receiving");
  while (manager.view.taskCount < TASKS) await sleep(POLL_MS);
  await sleep(1_000);
  meter.end("receiving");
  return { receive_s: (performance.now() - before) / 1_000 - 1 };
}

async function rest(ms: number): Promise<Answer> {
  meter.begin("resting");
  const { user, system } = process.cpuUsage();
  await sleep(ms);
  const used = process.cpuUsage({ user, system });
  meter.end("resting");
  return { rest_cpu_percent: (used.user + used.system) / 10 / ms };
}

/** One of each kind of change that the leader's loop has to look at. */
async function change(): Promise<Answer> {
  meter.begin("changing");
  const now = Date.now();
  const [small] = manager.view
    .services()
    .filter(({ spec }) => spec.mode.kind === "replicated" && spec.mode.replicas === 100);
  if (small === undefined) throw new Error("there are no services");
  const mode = { kind: "replicated", replicas: 101 } as const;
  await submit([{ kind: "updateService", id: small.id, version: small.version, spec: { ...small.spec, mode }, now }]);
  await sleep(1_000);
  const [largest] = manager.view
    .services()
    .toSorted((a, b) => manager.view.tasksOfService(b.id).length - manager.view.tasksOfService(a.id).length);
  const [task] = largest === undefined ? [] : manager.view.tasksOfService(largest.id);
  if (task !== undefined) await submit([...reportsOf([task], 99)]);
  await sleep(1_000);
  meter.end("changing");
  meter.begin("losing");
  hangUps.get(workerId(NODES - 1))?.();
  await submit([{ kind: "setNodeState", id: workerId(NODES - 1), state: "down", message: "bench", now }]);
  await sleep(3_000);
  meter.end("losing");
  return {};
}

/** Fills the log behind the newest snapshot, almost as far as it may grow before the next. */
async function tail(bytes: number): Promise<Answer> {
  const tasks = [...manager.view.tasks()].slice(0, 20_000);
  const perStatus = 330;
  const before = manager.status().applied;
  await submitAll(entriesOf(reportsOf(tasks.slice(0, Math.floor(bytes / perStatus)), 7)));
  return { tail_entries: manager.status().applied - before };
}

async function collect(): Promise<Answer> {
  const before = rssMb();
  const { heapUsed } = process.memoryUsage();
  globalThis.gc?.();
  await sleep(200);
  const after = process.memoryUsage();
  return {
    rss_mb: before,
    rss_after_gc_mb: rssMb(),
    rss_peak_mb: Math.max(peakMb, before),
    heap_mb: heapUsed / 2 ** 20,
    heap_after_gc_mb: after.heapUsed / 2 ** 20,
  };
}

/** The longest stalls of each phase so far: `stall_ms_PHASE` by the clock, `stall_cpu_ms_PHASE` of its own making. */
function stalls(): Answer {
  const figures: Record<string, number> = {};
  for (const [phase, { wall, cpu }] of meter.results()) {
    figures[`stall_ms_${phase}`] = wall;
    figures[`stall_cpu_ms_${phase}`] = cpu;
  }
  return figures;
}

function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case "start":
      return start(request);
    case "fill":
      return fill();
    case "collect":
      return collect();
    case "snapshot":
      return snapshot();
    case "invite":
      return invite();
    case "await-state":
      return awaitState();
    case "rest":
      return rest(request.ms);
    case "change":
      return change();
    case "tail":
      return tail(request.bytes);
    case "sent":
      meter.end("sending");
      return Promise.resolve({});
    case "results":
      return Promise.resolve(stalls());
  }
}

process.on("message", (request: Request) => {
  answer(request).then(
    (figures) => process.send?.(figures),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
