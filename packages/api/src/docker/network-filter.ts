import { ClusterError, type Millis } from "@murmur/base";
import type { Network } from "@murmur/model";
import { fieldsIn } from "./attach-by-hand.ts";
import { Filters } from "./filters.ts";
import { givenText } from "./given-text.ts";
import type { NetworkResource } from "./network-types.ts";
import { parseMoment } from "./moment.ts";

export const LIST_FILTERS = ["id", "name", "label", "driver", "scope", "type", "dangling"];
const PRUNE_FILTERS = ["until", "label", "label!"];
/** On what the agents make in the engine for a network of the cluster: theirs to remove. */
export const OWN_LABEL = "io.murmur.network";

/** Whether a network of the cluster is one of those that a list is asked for. Errors: `invalid_argument`. */
export function fits(network: NetworkResource, filters: Filters): boolean {
  for (const type of filters.get("type")) {
    if (type === "builtin") return false;
    if (type !== "custom") throw new ClusterError("invalid_argument", `invalid filter: 'type'='${type}'`);
  }
  const named = filters.get("name");
  return (
    filters.beginsWith("id", network.Id) &&
    (named.length === 0 || named.some((text) => isNamed(network.Name, text))) &&
    filters.hasLabels("label", network.Labels ?? {}) &&
    filters.is("driver", network.Driver) &&
    filters.is("scope", network.Scope)
  );
}

/** A part of the name; `^` and `$` hold it to its beginning and end, as people write it for Docker, which reads a pattern. */
function isNamed(name: string, text: string): boolean {
  const begins = text.startsWith("^");
  const ends = text.endsWith("$");
  const part = text.slice(begins ? 1 : 0, ends ? -1 : undefined);
  if (begins && ends) return name === part;
  if (begins) return name.startsWith(part);
  return ends ? name.endsWith(part) : name.includes(part);
}

const DANGLING: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** Whether only networks that nothing is in are asked for, or only others; undefined: all. Errors: `invalid_argument`. */
export function wantedDangling(filters: Filters): boolean | undefined {
  const [given, ...more] = filters.get("dangling");
  const wanted = DANGLING.get(given ?? "");
  if (given === undefined || (wanted !== undefined && more.length === 0)) return wanted;
  const values = [given, ...more].join(" ");
  throw new ClusterError("invalid_argument", `invalid filter 'dangling=[${values}]': it takes true or false, once`);
}

/** Reads the filters of a prune: which networks may go, as far as they are unused. Errors: `invalid_argument`. */
export function mayPrune(text: string | undefined, now: Millis): (network: Network) => boolean {
  const filters = Filters.parse(text, PRUNE_FILTERS);
  const [until, ...more] = filters.get("until").map((moment) => parseMoment(moment, now));
  if (more.length > 0) throw new ClusterError("invalid_argument", "more than one until filter specified");
  return ({ createdAt, spec: { labels } }) =>
    (until === undefined || createdAt < until) &&
    filters.hasLabels("label", labels) &&
    (filters.get("label!").length === 0 || !filters.hasLabels("label!", labels));
}

/**
 * Of the networks that the engine lists those that are its own: its sides of the cluster's are shown as the cluster's, once.
 * Who asks for their label gets them.
 */
export function withoutSides(listed: readonly unknown[], filters: Filters): readonly unknown[] {
  if (filters.get("label").some((label) => label.startsWith(OWN_LABEL))) return listed;
  return listed.filter((network) => !(OWN_LABEL in fieldsIn(fieldsIn(network)["Labels"])));
}

/**
 * The filters of a prune for the engine: those that were given, and not what Murmur has made there. A client's own
 * `label!` stays as it is, for the engine would take two of them as one condition.
 */
export function withoutOwnNetworks(text: string | undefined): string | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text || "{}");
  } catch {
    return text;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given) || "label!" in given) return text;
  const fields = Object.entries({ ...given, "label!": [OWN_LABEL] });
  // The engine reads all of them in one form or in the other.
  return JSON.stringify(Object.fromEntries(fields.map(([name, values]) => [name, asSet(values)])));
}

const asSet = (values: unknown): unknown =>
  Array.isArray(values) ? Object.fromEntries(values.map((value) => [givenText(value), true])) : values;
