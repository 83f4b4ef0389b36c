import type { ServiceId } from "@murmur/model";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import { unmetGossip } from "./gossip-checks.ts";
import { unmetPayloads } from "./payload-checks.ts";
import { unmetBridges } from "./unmet-bridges.ts";
import { unmetGossipKeys } from "./unmet-gossip-keys.ts";
import { unmetGuests } from "./unmet-guests.ts";
import { unmetKernels } from "./unmet-kernels.ts";
import { unmetManagers } from "./unmet-managers.ts";
import { unmetNames } from "./unmet-names.ts";
import { unmetContainers, unmetEndpoints, unmetNodes, unmetVersions } from "./unmet-nodes.ts";
import { unmetRoots } from "./unmet-roots.ts";
import { unmetServices, type JobExpectation, type ServiceExpectation } from "./unmet-services.ts";

/** What a cluster must come to once nothing goes wrong any more. */
export interface Expectation {
  /** The services whose creation, last change or removal was acknowledged. All others must be as their specs say. */
  readonly services: ReadonlyMap<ServiceId, ServiceExpectation>;
  /** What is wanted of jobs. Default: done. */
  readonly jobs?: JobExpectation;
  /** The hosts that are left; the others are gone for good. Default: all that have a process. */
  readonly hosts?: readonly Host[];
}

/** Why a cluster is not whole yet, a line each; nothing when it is. */
export const unmet = (world: World, expectation: Expectation): string[] => [...missing(world, expectation)];

/** Whether it is. That is asked again and again while it heals: the first thing that is missing is enough. */
export const isWhole = (world: World, expectation: Expectation): boolean =>
  missing(world, expectation).next().done === true;

function* missing(world: World, { services, jobs, hosts = world.running }: Expectation): Generator<string, void> {
  const leaders = hosts.filter((host) => host.manager?.status().role === "leader");
  const leader = leaders.find((host) => host === world.leader) ?? leaders[0];
  const view = leader?.manager?.view;
  if (leader === undefined || view === undefined) {
    yield "nobody leads";
    return;
  }
  const looks: readonly (() => readonly string[])[] = [
    () => unmetManagers(hosts, leader),
    () => unmetNodes(view, hosts),
    () => unmetVersions(hosts),
    () => unmetRoots(view, hosts),
    () => unmetGossipKeys(view, hosts),
    () => unmetGossip(hosts),
    () => unmetServices(view, services, jobs),
    () => unmetContainers(view, hosts),
    () => unmetEndpoints(view, hosts),
    () => unmetPayloads(view, hosts),
  ];
  let lines = 0;
  for (const look of looks) {
    for (const line of look()) {
      lines += 1;
      yield line;
    }
  }
  // What is rendered follows from all that.
  if (lines === 0) yield* unmetKernels(view, hosts);
}

/**
 * What only shows when somebody asks, a line each: names, and what the hosts' own comparison of their kernels finds. Asked once
 * nothing else is unmet.
 */
export async function ailments(world: World, hosts: readonly Host[] = world.running): Promise<string[]> {
  const view = world.leader?.manager?.view;
  const looks = [unmetNames, unmetGuests, unmetBridges] as const;
  const unlike = view === undefined ? ["nobody leads"] : looks.flatMap((look) => look(view, hosts));
  const found = await Promise.all(
    hosts.map(async ({ name, overlay }) =>
      ((await overlay?.check()) ?? []).map(({ where, what }) => `${name}: ${where}: ${what}`),
    ),
  );
  return [...unlike, ...found.flat()];
}
