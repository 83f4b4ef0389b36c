import { nodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  networkId,
  serviceId,
  taskId,
  type Command,
  type ServiceSpec,
} from "@murmur/model";
import { createStore } from "../src/index.ts";

/** Prints what `apply`, a snapshot and a restore cost at the greatest size that the design speaks of. */
const NODES = 5_000;
const TASKS = 100_000;
const SERVICES = 100;
const PER_SERVICE = TASKS / SERVICES;
const PER_NODE = TASKS / NODES;

const store = createStore();
let index = 0;

function apply(command: Command): void {
  index += 1;
  const result = store.apply(index, command);
  if (!result.ok) throw new Error(`${command.kind}: ${result.message}`);
}

const figures: Record<string, number> = {};
const round = (value: number): number => Math.round(value * 10) / 10;

function rate(name: string, commands: readonly Command[], items = commands.length): void {
  // As they come from the log: no object is shared.
  const decoded = JSON.parse(JSON.stringify(commands)) as readonly Command[];
  const start = performance.now();
  for (const command of decoded) apply(command);
  figures[`${name}_per_s`] = Math.round((items / (performance.now() - start)) * 1_000);
}

function spec(name: string): ServiceSpec {
  return {
    name,
    labels: { team: "a" },
    mode: { kind: "replicated", replicas: PER_SERVICE },
    task: {
      container: { image: "nginx:1", env: ["A=b", "C=d"], labels: { x: "y" } },
      resources: {
        reservations: { nanoCpus: 1_000_000, memoryBytes: 1_000_000 },
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [{ target: networkId("net0"), aliases: [name] }],
      forceUpdate: 0,
    },
    update: DEFAULT_UPDATE,
    rollback: DEFAULT_UPDATE,
    endpoint: { mode: "vip", ports: [{ protocol: "tcp", targetPort: 80, publishedPort: 0, mode: "ingress" }] },
  };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const node = (at: number) => nodeId(`n${String(at).padStart(24, "0")}`);
const service = (at: number) => serviceId(`s${String(at).padStart(24, "0")}`);
const task = (at: number) => taskId(`t${String(at).padStart(24, "0")}`);
const now = 1;

apply({
  kind: "createCluster",
  now,
  cluster: {
    id: clusterId("c"),
    spec: DEFAULT_CLUSTER_SPEC,
    caPem: "",
    secrets: { caKeyPem: "", joinSecret: "s", gossipKeys: [] },
  },
  defaultNetworkId: networkId("net0"),
});
for (const at of range(NODES)) {
  const facts = { hostname: `h${at}`, labels: {}, availability: "active" } as const;
  apply({ kind: "createNode", now, id: node(at), address: `h${at}:7373`, keyDigest: `k${at}`, ...facts });
  apply({ kind: "setNodeState", now, id: node(at), state: "ready", message: "" });
}
const before = process.memoryUsage().heapUsed;
for (const at of range(SERVICES)) apply({ kind: "createService", now, id: service(at), spec: spec(`web${at}`) });

rate(
  "create_task",
  range(TASKS).map((at) => {
    const owner = store.view.service(service(at % SERVICES));
    return {
      kind: "createTask",
      now,
      task: {
        id: task(at),
        serviceId: service(at % SERVICES),
        serviceName: `web${at % SERVICES}`,
        slot: Math.floor(at / SERVICES) + 1,
        specVersion: owner?.specVersion ?? 0,
        serviceLabels: { team: "a" },
        endpointPorts: (owner?.ports ?? []).map(({ protocol, targetPort, publishedPort, mode }) => ({
          protocol,
          targetPort,
          publishedPort,
          mode,
        })),
        networks: [{ networkId: networkId("net0"), aliases: ["web"] }],
        desiredState: "running",
        status: { state: "pending", at: now, message: "created" },
      },
    };
  }),
);
rate(
  "assign_task",
  range(TASKS).map((at) => ({ kind: "assignTask", now, id: task(at), nodeId: node(at % NODES) })),
);
rate(
  "report_status",
  range(NODES).map((on) => ({
    kind: "reportTasks",
    now,
    nodeId: node(on),
    statuses: range(PER_NODE).map((at) => ({
      id: task(on + at * NODES),
      status: {
        state: "running",
        at: now,
        message: "started",
        containerId: "c".repeat(64),
        pid: 4,
        health: "none",
        address: "10.0.0.1",
        ports: [{ protocol: "tcp", targetPort: 80, hostPort: 33_000 }],
      },
    })),
  })),
  TASKS,
);
const collect = globalThis.gc;
collect?.();
if (collect !== undefined) figures["task_bytes"] = Math.round((process.memoryUsage().heapUsed - before) / TASKS);

const copies = range(20).map(() => {
  const start = performance.now();
  store.snapshot();
  return performance.now() - start;
});
figures["snapshot_copy_ms_p50"] = round(copies.sort((a, b) => a - b)[10] ?? 0);

const chunks: Uint8Array[] = [];
const steps: number[] = [];
const iterator = store.snapshot()[Symbol.iterator]();
for (;;) {
  const start = performance.now();
  const next = iterator.next();
  steps.push(performance.now() - start);
  if (next.done === true) break;
  chunks.push(next.value);
}
steps.sort((a, b) => a - b);
figures["snapshot_step_ms_p50"] = round(steps[Math.floor(steps.length / 2)] ?? 0);
figures["snapshot_step_ms_p99"] = round(steps[Math.floor(steps.length * 0.99)] ?? 0);
figures["snapshot_mb"] = round(chunks.reduce((sum, chunk) => sum + chunk.length, 0) / 1e6);

const start = performance.now();
const restore = createStore().restore();
for (const chunk of chunks) restore.push(chunk);
if (!restore.finish().ok) throw new Error("the snapshot does not come back");
figures["restore_ms"] = Math.round(performance.now() - start);

for (const [name, figure] of Object.entries(figures)) console.log(name.padEnd(24), figure);
