import { ClusterError } from "@murmur/base";
import { compareVersions } from "../http/api-version.ts";
import { fieldsIn } from "./attach-by-hand.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What engines know from some version of their API on, and older ones would pass over without a word. */
const NEWER: readonly (readonly [what: string, since: string, isAsked: (wish: Fields) => boolean])[] = [
  ["--annotation", "1.43", ({ HostConfig }) => Object.keys(fieldsIn(fieldsIn(HostConfig)["Annotations"])).length > 0],
  ["--health-start-interval", "1.44", ({ Healthcheck }) => Boolean(fieldsIn(Healthcheck)["StartInterval"])],
  ["bind-recursive=readonly", "1.44", (wish) => hasMount(wish, "BindOptions", "ReadOnlyForceRecursive")],
  ["volume-subpath", "1.45", (wish) => hasMount(wish, "VolumeOptions", "Subpath")],
];
/** Until then a container has one address of its own, in its first network; since then each endpoint has. */
const ENDPOINT_MAC_SINCE = "1.44";

/**
 * The body of a `POST /containers/create` for an engine of an older API version than the client's: in that version's words
 * where it has some, otherwise as it came. Errors: `unsupported` with what the engine can't do, which Docker's clients say
 * themselves when they know its version.
 */
export function olderEngineWish(wish: unknown, version: string): unknown {
  const fields = fieldsIn(wish);
  for (const [what, since, isAsked] of NEWER) {
    if (compareVersions(version, since) < 0 && isAsked(fields)) throw tooOld(what, since, version);
  }
  return compareVersions(version, ENDPOINT_MAC_SINCE) < 0 ? withOneMac(wish, version) : wish;
}

const hasMount = ({ HostConfig }: Fields, kind: string, option: string): boolean => {
  const { Mounts } = fieldsIn(HostConfig);
  return Array.isArray(Mounts) && Mounts.some((mount) => Boolean(fieldsIn(fieldsIn(mount)[kind])[option]));
};

function withOneMac(wish: unknown, version: string): unknown {
  const fields = fieldsIn(wish);
  const endpoints = Object.entries(fieldsIn(fieldsIn(fields["NetworkingConfig"])["EndpointsConfig"]));
  const [first, ...more] = endpoints.filter(([, endpoint]) => Boolean(fieldsIn(endpoint)["MacAddress"]));
  if (first === undefined) return wish;
  const [name, endpoint] = first;
  const { NetworkMode } = fieldsIn(fields["HostConfig"]);
  if (more.length > 0 || (endpoints.length > 1 && name !== NetworkMode))
    throw tooOld("an address (mac-address) in each network", ENDPOINT_MAC_SINCE, version);
  return { ...fields, MacAddress: fieldsIn(endpoint)["MacAddress"] };
}

const tooOld = (what: string, since: string, version: string): ClusterError => {
  const why = `${what} requires API version ${since}, but this node's engine has ${version}`;
  return new ClusterError("unsupported", `${why}: update the engine, or leave it out`);
};
