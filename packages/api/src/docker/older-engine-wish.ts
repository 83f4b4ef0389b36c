import { ClusterError } from "@murmur/base";
import { isNewIn, type VersionGap } from "../engine/engine-path.ts";
import { fieldsIn } from "./attach-by-hand.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What engines know from some version of their API on, and older ones would pass over without a word. */
const NEWER: readonly (readonly [what: string, since: string, isAsked: (wish: Fields) => boolean])[] = [
  ["--annotation", "1.43", ({ HostConfig }) => Object.keys(fieldsIn(fieldsIn(HostConfig)["Annotations"])).length > 0],
  ["--health-start-interval", "1.44", ({ Healthcheck }) => Boolean(fieldsIn(Healthcheck)["StartInterval"])],
  ["bind-recursive=readonly", "1.44", (wish) => hasMount(wish, "BindOptions", "ReadOnlyForceRecursive")],
  ["volume-subpath", "1.45", (wish) => hasMount(wish, "VolumeOptions", "Subpath")],
];
/**
 * Since then each of a container's networks has an address of its own to ask for, and a container is made in all of them;
 * a network of a name that is taken is always refused, whether `CheckDuplicate` is there or not.
 */
const NETWORKS_SINCE = "1.44";

/**
 * The body of a `POST /containers/create` for an engine of an older API version than the client's: in that version's words
 * where it has some, otherwise as it came. Errors: `unsupported` with what the engine can't do, which Docker's clients say
 * themselves when they know its version.
 */
export function olderEngineWish(wish: unknown, gap: VersionGap | undefined): unknown {
  const fields = fieldsIn(wish);
  for (const [what, since, isAsked] of NEWER) {
    if (isNewIn(gap, since) && isAsked(fields)) throw tooOld(what, since, gap);
  }
  return isNewIn(gap, NETWORKS_SINCE) ? withOneMac(wish, gap) : wish;
}

/** The body of a `POST /networks/create`, in the same way. */
export const olderNetworkWish = (wish: unknown, gap: VersionGap | undefined): unknown =>
  isNewIn(gap, NETWORKS_SINCE) && "Name" in fieldsIn(wish) ? { ...fieldsIn(wish), CheckDuplicate: true } : wish;

/** A container that an older engine makes in one network, and what is to be connected to it then. */
export interface Apart {
  readonly wish: unknown;
  readonly others: readonly { readonly network: string; readonly endpoint: unknown }[];
}

/** Takes the networks of a container's body apart where the engine would refuse more than one. */
export function networksApart(wish: unknown, gap: VersionGap | undefined): Apart {
  const fields = fieldsIn(wish);
  const endpoints = endpointsIn(fields);
  const mode = modeOf(fields);
  if (endpoints.length < 2 || !isNewIn(gap, NETWORKS_SINCE) || isShared(mode)) return { wish, others: [] };
  // One that names none goes into those of its endpoints; one that does is in that, with an endpoint's settings or without.
  const main = endpoints.find(([name]) => isMain(name, mode)) ?? (BRIDGE.has(mode) ? endpoints[0] : undefined);
  const EndpointsConfig = Object.fromEntries(main === undefined ? [] : [main]);
  return {
    wish: { ...fields, NetworkingConfig: { ...fieldsIn(fields["NetworkingConfig"]), EndpointsConfig } },
    others: endpoints.flatMap((one) => (one === main ? [] : [{ network: one[0], endpoint: one[1] }])),
  };
}

const hasMount = ({ HostConfig }: Fields, kind: string, option: string): boolean => {
  const { Mounts } = fieldsIn(HostConfig);
  return Array.isArray(Mounts) && Mounts.some((mount) => Boolean(fieldsIn(fieldsIn(mount)[kind])[option]));
};

const endpointsIn = (wish: Fields): [string, unknown][] =>
  Object.entries(fieldsIn(fieldsIn(wish["NetworkingConfig"])["EndpointsConfig"]));

/** What a container without a network of its own choice is in goes by several names. */
const BRIDGE = new Set(["", "default", "bridge"]);

function modeOf(wish: Fields): string {
  const { NetworkMode } = fieldsIn(wish["HostConfig"]);
  return typeof NetworkMode === "string" ? NetworkMode : "";
}

const isMain = (name: string, mode: string): boolean => name === mode || (BRIDGE.has(name) && BRIDGE.has(mode));

/** In another namespace than its own a container is in no networks. */
const isShared = (mode: string): boolean => mode === "host" || mode === "none" || mode.startsWith("container:");

function withOneMac(wish: unknown, gap: VersionGap): unknown {
  const fields = fieldsIn(wish);
  const endpoints = endpointsIn(fields);
  const [first, ...more] = endpoints.filter(([, endpoint]) => Boolean(fieldsIn(endpoint)["MacAddress"]));
  if (first === undefined) return wish;
  const [name, endpoint] = first;
  if (more.length > 0 || (endpoints.length > 1 && !isMain(name, modeOf(fields))))
    throw tooOld("an address (mac-address) in each network", NETWORKS_SINCE, gap);
  return { ...fields, MacAddress: fieldsIn(endpoint)["MacAddress"] };
}

const tooOld = (what: string, since: string, { engine }: VersionGap): ClusterError => {
  const why = `${what} requires API version ${since}, but this node's engine has ${engine}`;
  return new ClusterError("unsupported", `${why}: update the engine, or leave it out`);
};
