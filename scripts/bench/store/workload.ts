import { nodeId, type NodeId } from "@murmur/base";
import {
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  serviceId,
  type Command,
  type NetworkId,
  type NodeDescription,
  type ServiceId,
  type ServiceMode,
  type ServiceSpec,
  type Task,
  type TaskStatus,
} from "@murmur/model";

export const NODES = 5_000;
export const TASKS = 100_000;
/** One service on every node, a few large ones, many small ones. */
const REPLICAS: readonly (readonly [services: number, replicas: number])[] = [
  [1, 10_000],
  [5, 4_000],
  [20, 1_500],
  [350, 100],
];
export const SERVICES = 1 + REPLICAS.reduce((sum, [services]) => sum + services, 0);

const GIB = 2 ** 30;
const ENGINE_PLUGINS = [
  ...["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"].map((name) => ({
    kind: "Log",
    name,
  })),
  ...["bridge", "host", "ipvlan", "macvlan", "null", "overlay"].map((name) => ({ kind: "Network", name })),
  { kind: "Volume", name: "local" },
];

export const id = (prefix: string, at: number): string => `${prefix}${String(at).padStart(25 - prefix.length, "0")}`;
export const workerId = (at: number): NodeId => nodeId(id("node", at));

const addressOf = (at: number): string => `10.${String(at >> 16)}.${String((at >> 8) & 255)}.${String(at & 255)}`;

/** A node as it joins and says what it is; only the managers among them may be chosen as such. */
export function nodeCommands(node: { readonly id: NodeId; readonly at: number }, now: number): Command[] {
  const hostname = `worker-${String(node.at).padStart(4, "0")}.dc1.example.com`;
  const labels = { zone: `zone-${String(node.at % 5)}`, "com.example.rack": `rack-${String(node.at % 100)}` };
  const address = `${addressOf(node.at)}:7373`;
  return [
    {
      kind: "createNode",
      id: node.id,
      address,
      keyDigest: id("key", node.at).repeat(2),
      hostname,
      labels,
      availability: "active",
      now,
    },
    {
      kind: "describeNode",
      id: node.id,
      description: description(hostname),
      engine: { state: "ready", message: "" },
      now,
    },
    { kind: "setNodeState", id: node.id, state: "ready", message: "", now },
  ];
}

const description = (hostname: string): NodeDescription => ({
  hostname,
  platform: { os: "linux", architecture: "x86_64" },
  resources: { nanoCpus: 64_000_000_000, memoryBytes: 256 * GIB },
  engine: { version: "27.3.1", labels: { "com.example.storage": "ssd" }, plugins: ENGINE_PLUGINS },
  murmurVersion: "0.1.0",
  dataPlane: "ports",
});

/** The services, with `TASKS` tasks in all. */
export function* services(network: NetworkId): Generator<{ readonly id: ServiceId; readonly spec: ServiceSpec }> {
  let at = 0;
  const next = (name: string, mode: ServiceMode): { id: ServiceId; spec: ServiceSpec } => {
    at += 1;
    return { id: serviceId(id("service", at)), spec: specOf(`${name}-${String(at)}`, mode, network) };
  };
  yield next("node-exporter", { kind: "global" });
  for (const [count, replicas] of REPLICAS)
    for (let nth = 0; nth < count; nth += 1) yield next("shop", { kind: "replicated", replicas });
}

/** About what a service of a Compose file has. */
function specOf(name: string, mode: ServiceMode, network: NetworkId): ServiceSpec {
  const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  return {
    name,
    labels: { "com.docker.stack.namespace": "shop", "com.example.team": "checkout", "com.example.tier": "backend" },
    mode,
    task: {
      container: {
        image: `registry.example.com/shop/${name}:1.27.4@sha256:${digest}`,
        args: ["--listen=:8080", "--log-format=json", `--service=${name}`],
        env: Array.from({ length: 12 }, (_, nth) => `SHOP_SETTING_${String(nth)}=value-of-${name}-${String(nth)}`),
        labels: { "com.docker.stack.namespace": "shop", "com.example.service": name },
        mounts: [{ kind: "volume", source: `${name}-data`, target: "/var/lib/shop", readOnly: false }],
        healthCheck: { test: ["CMD", "/bin/health"], intervalMs: 10_000, timeoutMs: 2_000, retries: 3 },
        stopGracePeriodMs: 30_000,
      },
      resources: {
        reservations: { nanoCpus: 100_000_000, memoryBytes: GIB / 8 },
        limits: { nanoCpus: 1_000_000_000, memoryBytes: GIB / 2, pids: 512 },
      },
      restart: DEFAULT_RESTART,
      placement: {
        constraints: [],
        preferences: [{ spread: "node.labels.zone" }],
        maxReplicasPerNode: 0,
        platforms: [],
      },
      networks: [{ target: network, aliases: [name, `${name}.internal`] }],
      forceUpdate: 0,
    },
    update: { ...DEFAULT_UPDATE, parallelism: 4, order: "start-first" },
    rollback: DEFAULT_UPDATE,
    endpoint: {
      mode: "vip",
      ports: [{ name: "http", protocol: "tcp", targetPort: 8_080, publishedPort: 0, mode: "ingress" }],
    },
  };
}

/** What an agent says of a task that has come up, `times` before. */
export function runningStatus(task: Pick<Task, "id" | "nodeId">, now: number, times = 0): TaskStatus {
  const number = Number.parseInt(task.id.slice(-6), 36);
  return {
    state: "running",
    at: now,
    message: times === 0 ? "started" : `started, ${String(times)} reports ago`,
    containerId: id("c", number).padStart(64, "0123456789abcdef"),
    pid: 1_000 + (number % 4_000_000),
    health: "healthy",
    address: addressOf(Number(task.nodeId?.slice(-5) ?? 0)),
    ports: [{ protocol: "tcp", targetPort: 8_080, hostPort: 32_768 + (number % 28_000) }],
  };
}
