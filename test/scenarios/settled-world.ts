import type { ServiceId, ServiceSpec } from "@murmur/model";
import { isWhole } from "./checks.ts";
import { webSpec } from "./services.ts";
import type { Host } from "./host.ts";
import { World } from "./world.ts";

export interface SettledWorld extends AsyncDisposable {
  readonly world: World;
  readonly hosts: readonly Host[];
  /** The leader, and some of the others, as they are now. */
  readonly leader: Host;
  readonly others: readonly Host[];
  readonly service: ServiceId;
  readonly spec: ServiceSpec;
}

/** A cluster that has its managers and whose nodes are ready, and a service whose tasks all run. */
export async function settledWorld(
  seed: number,
  { size = 3, spec = webSpec("web", 2 * size, { publishedPort: 80 }) }: { size?: number; spec?: ServiceSpec } = {},
): Promise<SettledWorld> {
  const world = await World.of(size, seed);
  const voters = size < 3 ? 1 : 3;
  await world.until(`${String(voters)} voters`, () => world.voters === voters);
  await world.until("all nodes are ready", () => hostsReady(world) === size);
  const service = await world.createService(hostOf(world.leader()), spec);
  await world.until("all tasks run", () => isWhole(world));
  const leader = hostOf(world.leader());
  const others = world.hosts.filter((host) => host !== leader);
  const dispose = (): Promise<void> => world[Symbol.asyncDispose]();
  return { world, hosts: world.hosts, leader, others, service, spec, [Symbol.asyncDispose]: dispose };
}

/** How many nodes may be given tasks, as the leader knows. */
const hostsReady = (world: World): number =>
  (world.manager(world.leader())?.view.nodes() ?? []).filter(
    ({ status }) => status.state === "ready" && status.engine.state === "ready",
  ).length;

/** A host that must be there. */
export function hostOf(host: Host | undefined): Host {
  if (host === undefined) throw new Error("there is no such host");
  return host;
}

/** The seeds that a scenario runs with. `SEED=7` runs it with that one alone, `SEEDS=50` with so many others. */
export function seeds(count: number): readonly number[] {
  const { SEED: one, SEEDS: many } = process.env;
  if (one !== undefined) return [Number(one)];
  if (many !== undefined) return Array.from({ length: Number(many) }, (_, at) => at + 100);
  return Array.from({ length: count }, (_, at) => at + 1);
}
