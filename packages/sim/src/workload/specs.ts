import type { Millis, Random } from "@murmur/base";
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
import { workImage } from "./work-image.ts";

/** The label that tells each written spec from all others. */
export const WRITE_LABEL = "write";

/** Published ports that services fight for. */
const PORTS: readonly number[] = [8080, 8081, 8082];
const MEBI = 2 ** 20;
/** How long a task of a job works. */
const WORKS_MS: readonly Millis[] = [100, 2_000, 20_000];

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
  const mode = drawMode(random);
  return {
    name,
    labels: { [WRITE_LABEL]: write },
    mode,
    task: {
      container: { image: drawImage(mode, random), ...drawMounts(random) },
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
  const dice = random.below(100);
  if (dice < 78) return { kind: "replicated", replicas: random.below(6) };
  if (dice < 91) return { kind: "global" };
  if (dice < 97) return { kind: "replicated-job", totalCompletions: random.below(6), maxConcurrent: random.below(3) };
  return { kind: "global-job" };
}

export const isJob = ({ kind }: ServiceMode): boolean => kind === "replicated-job" || kind === "global-job";

/** What services run works until it is stopped, what jobs run comes to its end. */
const drawImage = (mode: ServiceMode, random: Random): string =>
  isJob(mode) ? workImage(oneOf(WORKS_MS, random) ?? 0) : `web:${String(random.below(9))}`;

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
        task: { ...task, container: { ...container, image: drawImage(spec.mode, random) } },
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
    default: {
      const { mode } = spec;
      if (mode.kind === "replicated") return { ...spec, labels, mode: { ...mode, replicas: random.below(6) } };
      if (mode.kind !== "replicated-job") return { ...spec, labels };
      return { ...spec, labels, mode: { ...mode, totalCompletions: random.below(6) } };
    }
  }
}
