import type { Answer, DaemonSide } from "./daemon-side.ts";
import type { GivenIds } from "./given-ids.ts";

/** Headers that Docker's clients read. */
const HEADERS = ["content-type", "docker-experimental", "ostype", "swarm", "cache-control", "builder-version"];

/** What an answer says, without what can't be the same on two daemons: ids, moments, addresses, versions, digests. */
export function plain({ status, headers, body }: Answer, side: DaemonSide): Readonly<Record<string, unknown>> {
  const kept = [...side.kept].map(([name, id]) => [id, `<${name}>`] as const);
  const names: Names = { kept: new Map(kept), ids: side.ids };
  const shown = HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]]));
  return { status, headers: Object.fromEntries(shown) as unknown, body: plainValue(body, "", names) };
}

/** A daemon's ids: those with a name of the script's, and all. */
interface Names {
  readonly kept: ReadonlyMap<string, string>;
  readonly ids: GivenIds;
}

function plainValue(value: unknown, field: string, names: Names): unknown {
  if (Array.isArray(value)) return inOrder(value).map((one) => plainValue(one, field, names));
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(([name, one]) => [plainText(name, names), plainValue(one, name, names)]);
    return Object.fromEntries(fields);
  }
  if (typeof value === "string" && field === VXLAN) return "<vni>";
  if (typeof value === "number" && NUMBERS.has(field)) return `<${field}>`;
  return typeof value === "string" ? plainText(value, names) : value;
}

const VXLAN = "com.docker.network.driver.overlay.vxlanid_list";

/** Lists of objects are in no order that anybody may count on. */
function inOrder(list: readonly unknown[]): readonly unknown[] {
  const isNamed = (one: unknown): one is { readonly Name?: unknown; readonly Spec?: { readonly Name?: unknown } } =>
    typeof one === "object" && one !== null && ("Name" in one || "Spec" in one);
  if (!list.every(isNamed)) return list;
  const nameOf = ({ Name, Spec }: (typeof list)[number]): string => JSON.stringify(Name ?? Spec?.Name ?? "");
  return list.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
}

/** Numbers that no two daemons have in common. */
const NUMBERS: ReadonlySet<string> = new Set(["Index", "PID"]);

/** In their order: what an earlier one has replaced no later one finds. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/rpc error: code = \w+ desc = /g, ""],
  [/\b(Maximum|Minimum) supported API version is \d+\.\d+/g, "$1 supported API version is <version>"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z/g, "<moment>"],
  [/-----BEGIN CERTIFICATE-----[^]*-----END CERTIFICATE-----\n?/g, "<certificate>"],
  [/\b(?:SWMTKN|MURMUR)-1-[\w-]+/g, "<token>"],
  [/\b[0-9a-f]{64}\b/g, "<digest>"],
  [/\b(?:192\.0\.2|10\.77\.\d)\.1:(?:2377|7373)/g, "<peer>"],
  [/\b10\.\d+\.\d+\.\d+(\/\d+)?/g, "<address>$1"],
  [/\b192\.0\.2\.1(?::\d+)?/g, "<host>"],
];

function plainText(text: string, { kept, ids }: Names): string {
  let plainer = text;
  for (const [id, name] of kept) plainer = plainer.replaceAll(id, name);
  plainer = ids.replacedIn(plainer);
  for (const [pattern, word] of PATTERNS) plainer = plainer.replaceAll(pattern, word);
  return plainer;
}

export interface FieldDifference {
  /** `body.Spec.TaskTemplate`; entries of lists are `[]`. */
  readonly path: string;
  /** Undefined where the field isn't there. */
  readonly docker: unknown;
  readonly murmur: unknown;
}

/** Where two values differ, field by field. */
export function differences(docker: unknown, murmur: unknown, path = ""): FieldDifference[] {
  if (Object.is(docker, murmur) || (path === "body.message" && says(murmur, docker))) return [];
  if (Array.isArray(docker) && Array.isArray(murmur)) {
    if (docker.length !== murmur.length) return [{ path: `${path}.length`, docker, murmur }];
    return docker.flatMap((one, at) => differences(one, murmur[at], `${path}[]`));
  }
  if (!isFields(docker) || !isFields(murmur)) return [{ path, docker, murmur }];
  const names = new Set([...Object.keys(docker), ...Object.keys(murmur)]);
  return [...names].flatMap((name) => differences(docker[name], murmur[name], path === "" ? name : `${path}.${name}`));
}

/** Whether a refusal has Docker's words in it: clients look for those, people read the rest. */
const says = (murmur: unknown, docker: unknown): boolean =>
  typeof murmur === "string" &&
  typeof docker === "string" &&
  murmur.toLowerCase().includes(docker.trim().toLowerCase());

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
