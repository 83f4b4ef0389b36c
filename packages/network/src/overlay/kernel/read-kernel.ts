import type { Family } from "../address.ts";
import {
  HOST,
  objectsOf,
  type KernelObject,
  type KernelObjects,
  type KernelState,
  type Place,
} from "../kernel-object.ts";
import type { HostFacts } from "../plan/plan-host.ts";
import { DOCKER_CHAIN } from "../render/accept-lines.ts";
import { CONTAINER_TABLE, HOST_TABLE, TABLE } from "../render/nft-table.ts";
import { parseJson } from "./read-json.ts";
import {
  readAccepts,
  readBridges,
  readExits,
  readHairpins,
  readForwarding,
  readNeighbours,
  readRoutes,
  readRules,
  readVxlans,
} from "./read-links.ts";
import { readTable } from "./read-nft.ts";
import { hasNoNamespace } from "./commands.ts";
import { mapLimited, outputOf, type Runner } from "./runner.ts";

/** The fixed parts of our tables in the words of this host's nft. */
export interface Skeletons {
  readonly host: string;
  readonly container: string;
}

/**
 * Loads our tables into namespaces that end at once, to learn what this version of nft makes of them: what it prints of the
 * real ones is compared with that, and not with words that another version might choose differently.
 */
export async function learnSkeletons(runner: Runner): Promise<Skeletons> {
  const learn = async (lines: readonly string[]): Promise<string> => {
    const script = `nft -f - && nft -j -n list table ${TABLE}`;
    const printed = outputOf("nft", await runner.runApart(["sh", "-c", script], `${lines.join("\n")}\n`));
    return readTable(parseJson(printed))?.skeleton ?? "";
  };
  const [host, container] = await mapLimited([HOST_TABLE, CONTAINER_TABLE], learn);
  return { host: host ?? "", container: container ?? "" };
}

/** Where to look, besides what is recognized as ours by itself. */
export interface Scope {
  readonly bridges: ReadonlySet<string>;
  /** Ports of containers on them. */
  readonly ports: ReadonlySet<string>;
  /** Paths of namespaces of containers, with the families whose default route is of interest. */
  readonly containers: ReadonlyMap<Place, readonly Family[]>;
  /** Containers that are looked into at once. Default: as many as are changed at once. */
  readonly atOnce?: number | undefined;
}

export interface Held {
  /** A namespace that can't be entered has no place in it. */
  readonly state: KernelState;
  /** Containers that are gone, and their namespaces with them. */
  readonly ended: ReadonlySet<Place>;
  readonly facts: HostFacts;
}

/** Reads everything of ours that the kernel holds. @throws ClusterError `unavailable`, or as `Commands.run` does */
export async function readKernel(runner: Runner, skeletons: Skeletons, scope: Scope): Promise<Held> {
  const host = await readHost(runner, skeletons, scope);
  const { state, ended } = await readContainers(runner, skeletons, scope);
  return { state: new Map([[HOST, host.objects] as const, ...state]), ended, facts: host.facts };
}

/** What of ours is in containers. @throws ClusterError as `Commands.run` does */
export async function readContainers(
  runner: Runner,
  skeletons: Skeletons,
  { containers, atOnce }: Pick<Scope, "containers" | "atOnce">,
): Promise<Pick<Held, "state" | "ended">> {
  const state = new Map<Place, KernelObjects>();
  const ended = new Set<Place>();
  const look = async ([place, exits]: readonly [Place, readonly Family[]]): Promise<void> => {
    const result = await runner.run(place, ["sh", "-c", CONTAINER_SCRIPT]);
    if (result.status === 0) state.set(place, containerObjects(result.output, { skeletons, exits }));
    else if (hasNoNamespace(result)) ended.add(place);
  };
  await mapLimited([...containers], look, atOnce);
  return { state, ended };
}

/** Between what two programs of one script print. */
const SEPARATOR = "====";
const scriptOf = (commands: readonly string[]): string => commands.join(`; echo; echo ${SEPARATOR}; `);
const partsOf = (output: string): readonly string[] => output.split(`\n${SEPARATOR}\n`);

/** What a program ends with when another one holds the lock of the tables, or has them for the moment: that says nothing of what is there. */
const RESOURCE_PROBLEM = 4;
/** The rules of Docker's chain; none where there is no such chain, or no such program. */
const dockersRules = (program: string): string => {
  const isHeldUp = `[ $? -eq ${String(RESOURCE_PROBLEM)} ]`;
  const saySo = `echo '${program}: another program holds its lock' >&2`;
  return `${program} -w 5 -S ${DOCKER_CHAIN} 2>/dev/null || if ${isHeldUp}; then ${saySo}; exit 1; fi`;
};

const LIST_TABLE = `nft -j -n list table ${TABLE} 2>/dev/null`;
const HOST_SCRIPT = scriptOf([
  "ip -j -d link show type vxlan",
  "ip -j -d link show type veth",
  "ip -j address show type bridge",
  "bridge -j fdb show",
  "ip -j neighbour show nud permanent",
  dockersRules("iptables"),
  dockersRules("ip6tables"),
  LIST_TABLE,
  "true",
]);

async function readHost(runner: Runner, skeletons: Skeletons, { bridges, ports }: Scope) {
  const result = await runner.run(HOST, ["sh", "-c", HOST_SCRIPT]);
  const parts = partsOf(outputOf("reading the host's network", result));
  const [vxlans = "", veths = "", addresses = "", forwarding = "", neighbours = "", ...filtered] = parts;
  const [accepts4 = "", accepts6 = "", table = ""] = filtered;
  const filters = [
    [4, accepts4],
    [6, accepts6],
  ] as const;
  const dockerFilters = filters
    .filter(([, text]) => text.includes(`-N ${DOCKER_CHAIN}`))
    .map(([family]): Family => family);
  const objects = objectsOf([
    ...readVxlans(parseJson(vxlans)),
    ...readHairpins(parseJson(veths), ports),
    ...readBridges(parseJson(addresses), bridges),
    ...readForwarding(parseJson(forwarding)),
    ...readNeighbours(parseJson(neighbours)),
    ...filters.flatMap(([family, text]) => readAccepts(text, family)),
    ...tableObjects(table, skeletons.host),
  ]);
  return { objects, facts: { dockerFilters } };
}

const CONTAINER_SCRIPT = scriptOf([
  LIST_TABLE,
  "ip -4 -j rule",
  "ip -6 -j rule",
  "ip -4 -j route show table all",
  "ip -6 -j route show table all",
  "true",
]);

interface Reading {
  readonly skeletons: Skeletons;
  readonly exits: readonly Family[];
}

function containerObjects(output: string, { skeletons, exits }: Reading): KernelObjects {
  const [table = "", rules4 = "", rules6 = "", routes4 = "", routes6 = ""] = partsOf(output);
  return objectsOf([
    ...tableObjects(table, skeletons.container),
    ...readRules(parseJson(rules4), 4),
    ...readRules(parseJson(rules6), 6),
    ...readRoutes(parseJson(routes4), 4),
    ...readRoutes(parseJson(routes6), 6),
    ...exits.flatMap((family) => readExits(parseJson(family === 4 ? routes4 : routes6), family)),
  ]);
}

function tableObjects(printed: string, skeleton: string): readonly KernelObject[] {
  const held = readTable(parseJson(printed));
  if (held === undefined) return [];
  return [{ kind: "table", form: held.skeleton === skeleton ? "ours" : "altered" }, ...held.objects];
}
