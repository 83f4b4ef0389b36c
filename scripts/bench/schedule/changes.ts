import { SeededRandom } from "@murmur/base";
import type { ServiceId, ServiceSpec } from "@murmur/model";
import { ScheduleWorld, type Surroundings } from "./schedule-world.ts";

const NODES = 5_000;
/** 100,000 tasks in services of all sizes. */
const SERVICES = [
  { services: 1, tasks: 10_000 },
  { services: 20, tasks: 1_000 },
  { services: 300, tasks: 100 },
  { services: 4_000, tasks: 10 },
] as const;

interface Changing {
  readonly world: ScheduleWorld;
  /** By size: each size is as likely to be hit as the others. */
  readonly services: readonly (readonly ServiceId[])[];
  readonly random: SeededRandom;
}

/** One change each, because of which one task has to get a node: chosen first, then done. */
const KINDS: readonly (readonly [string, (changing: Changing) => () => void])[] = [
  ["a task failed", fail],
  ["a service was scaled", scale],
  [
    "a service was created",
    ({ world }) =>
      () =>
        world.createServices({ services: 1, tasks: 1, constraints: false }),
  ],
];

/** How long a change took, by the clock and in CPU time of the event loop's own thread. */
export interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Changes one thing at a time in a large cluster at rest; how long until what comes of it is placed, in milliseconds. */
export async function changeOften(
  surroundings: Surroundings,
  changes: number,
): Promise<ReadonlyMap<string, readonly Took[]>> {
  await using world = new ScheduleWorld(NODES, surroundings);
  const services: (readonly ServiceId[])[] = [];
  for (const shape of SERVICES) {
    services.push(world.createServices({ ...shape, constraints: false }));
    await world.untilAssigned(world.store.view.services().reduce((sum, { spec }) => sum + replicasOf(spec), 0));
  }
  world.reportRunning();
  await rest();
  const changing = { world, services, random: new SeededRandom(1) };
  const took = new Map<string, Took[]>();
  for (let count = 0; count < changes; count += 1) {
    const [name, change] = KINDS[count % KINDS.length] ?? KINDS[0] ?? [];
    if (name === undefined || change === undefined) break;
    const before = world.assigned;
    const happen = change(changing);
    const used = process.threadCpuUsage();
    const start = performance.now();
    happen();
    await world.untilAssigned(before + 1);
    const ms = performance.now() - start;
    const { user, system } = process.threadCpuUsage(used);
    took.set(name, [...(took.get(name) ?? []), { ms, cpuMs: (user + system) / 1_000 }]);
    world.reportRunning();
    await rest();
  }
  return took;
}

/** Lets the loop finish what it does beside. */
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function fail({ world, services, random }: Changing): () => void {
  const tasks = world.store.view.tasksOfService(pick(pick(services, random), random));
  const task = pick(
    tasks.filter(({ status }) => status.state === "running"),
    random,
  );
  const { nodeId } = task;
  if (nodeId === undefined) throw new Error("a task that runs has no node");
  return () => world.report(nodeId, [task], "failed");
}

function scale({ world, services, random }: Changing): () => void {
  const service = world.store.view.service(pick(pick(services, random), random));
  if (service === undefined) throw new Error("a service is missing");
  const { id, version, spec } = service;
  const mode = { kind: "replicated", replicas: replicasOf(spec) + 1 } as const;
  return () => world.apply([{ kind: "updateService", id, version, spec: { ...spec, mode }, now: world.now }]);
}

const replicasOf = ({ mode }: ServiceSpec): number => (mode.kind === "replicated" ? mode.replicas : 0);

function pick<T>(items: readonly T[], random: SeededRandom): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
