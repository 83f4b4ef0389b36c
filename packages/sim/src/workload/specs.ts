import type { Random } from "@murmur/base";
import type {
  ContainerSpec,
  NodeLossPolicy,
  Resources,
  ServiceMode,
  ServiceSpec,
  Strategy,
  UpdateConfig,
} from "@murmur/model";
import { chance, oneOf } from "../faults/fault.ts";

/** The label that tells each written spec from all others. */
export const WRITE_LABEL = "write";

/** Published ports that services fight for. */
const PORTS: readonly number[] = [8080, 8081, 8082];
const MEBI = 2 ** 20;

/** A service of some kind, as a user might want it; `write` is told by no other. */
export function drawSpec(name: string, write: string, random: Random): ServiceSpec {
  const update: UpdateConfig = {
    parallelism: random.below(3),
    delayMs: oneOf([0, 0, 1_000], random) ?? 0,
    // A service that rolls itself back writes what no client has asked for.
    failureAction: chance(random, 0.5) ? "pause" : "continue",
    monitorMs: 1_000,
    maxFailureRatio: 0,
    order: chance(random, 0.3) ? "start-first" : "stop-first",
  };
  const publishedPort = chance(random, 0.4) ? (oneOf(PORTS, random) ?? 0) : 0;
  const port = { protocol: "tcp", targetPort: 8080, publishedPort, mode: "ingress" } as const;
  const strategy = oneOf<Strategy | undefined>(["spread", "binpack", undefined, undefined], random);
  const placement = { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] };
  const onNodeLoss = drawNodeLoss(random);
  return {
    name,
    labels: { [WRITE_LABEL]: write },
    mode: drawMode(random),
    task: {
      container: { image: "web:1", ...drawMounts(random) },
      resources: {
        reservations: drawReservations(random),
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: { condition: "any", delayMs: oneOf([0, 500, 5_000], random) ?? 0, maxAttempts: 0, windowMs: 0 },
      placement: strategy === undefined ? placement : { ...placement, strategy },
      networks: [],
      forceUpdate: 0,
    },
    update,
    rollback: update,
    endpoint: { mode: "vip", ports: chance(random, 0.6) ? [port] : [] },
    ...(chance(random, 0.05) && { stopped: true }),
    ...(onNodeLoss !== undefined && { onNodeLoss }),
    ...(chance(random, 0.2) && { rebalance: "off" }),
  };
}

/** Of what hosts count and of what they name, often more than there is. */
function drawReservations(random: Random): Resources {
  const generic: Record<string, number> = {};
  if (chance(random, 0.2)) generic["gpu"] = 1 + random.below(2);
  if (chance(random, 0.2)) generic["seat"] = 1 + random.below(3);
  return {
    nanoCpus: chance(random, 0.5) ? random.below(5) * 100_000_000 : 0,
    memoryBytes: chance(random, 0.5) ? random.below(500) * MEBI : 0,
    ...(Object.keys(generic).length > 0 && { generic }),
  };
}

function drawNodeLoss(random: Random): NodeLossPolicy | undefined {
  if (chance(random, 0.7)) return undefined;
  return chance(random, 0.5)
    ? { kind: "wait" }
    : { kind: "replace", afterMs: oneOf([1_000, 10_000, 60_000], random) ?? 0 };
}

/** Volumes that services share, or have for themselves or for each slot. */
const VOLUMES: readonly string[] = [
  "data",
  "{{.Service.Name}}-data",
  "data-{{.Task.Slot}}",
  '{{if eq .Task.Slot "1"}}first{{else}}data{{end}}',
];

function drawMounts(random: Random): Pick<ContainerSpec, "mounts"> {
  if (!chance(random, 0.2)) return {};
  const source = oneOf(VOLUMES, random) ?? "";
  return { mounts: [{ kind: "volume", source, target: "/data", readOnly: false }] };
}

function drawMode(random: Random): ServiceMode {
  return chance(random, 0.85) ? { kind: "replicated", replicas: random.below(6) } : { kind: "global" };
}

/**
 * Another spec of the same service: scaled, of a new image, with tasks that are all replaced, with other reservations,
 * stopped or started again, or with another patience for nodes that are lost.
 */
export function drawChange(spec: ServiceSpec, write: string, random: Random): ServiceSpec {
  const labels = { ...spec.labels, [WRITE_LABEL]: write };
  const { task } = spec;
  switch (random.below(7)) {
    case 0: {
      const { container } = task;
      return {
        ...spec,
        labels,
        task: { ...task, container: { ...container, image: `web:${String(random.below(9))}` } },
      };
    }
    case 1:
      return { ...spec, labels, task: { ...task, forceUpdate: task.forceUpdate + 1 } };
    case 2: {
      const { stopped, ...rest } = spec;
      const said = { ...rest, labels };
      return stopped === true ? said : { ...said, stopped: true };
    }
    case 3: {
      const { onNodeLoss: _, ...rest } = spec;
      const onNodeLoss = drawNodeLoss(random);
      return { ...rest, labels, ...(onNodeLoss !== undefined && { onNodeLoss }) };
    }
    case 4: {
      const resources = { ...task.resources, reservations: drawReservations(random) };
      return { ...spec, labels, task: { ...task, resources } };
    }
    default:
      return spec.mode.kind === "replicated"
        ? { ...spec, labels, mode: { kind: "replicated", replicas: random.below(6) } }
        : { ...spec, labels };
  }
}
