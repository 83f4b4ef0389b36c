import { ClusterError } from "@murmur/base";
import { fieldsIn } from "./attach-by-hand.ts";
import { Filters } from "./filters.ts";

const PRUNE_FILTERS = ["all", "label", "label!"];
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);
/** Engines before Docker 23 don't mark a volume that nobody named; its name is the engine's, of these 64 digits. */
const ANONYMOUS_NAME = /^[0-9a-f]{64}$/;

/** What a prune of volumes asks for, in the words of API 1.42. */
export interface VolumePrune {
  /** Volumes with names, too. */
  readonly all: boolean;
  /** The filters for an engine of before, which prunes whatever is unused: without `all`, which it refuses. As JSON. */
  readonly older: string;
  /** Whether a volume of `GET /volumes` is one that may go, as far as it is unused. */
  isMeant(volume: unknown): boolean;
}

/** Reads the filters of a prune. Errors: `invalid_argument`. */
export function parseVolumePrune(text: string | undefined): VolumePrune {
  const filters = Filters.parse(text, PRUNE_FILTERS);
  const [given = "0", ...more] = filters.get("all");
  const all = FLAGS.get(given.toLowerCase());
  if (all === undefined || more.length > 0) {
    const values = [given, ...more].join(" ");
    throw new ClusterError("invalid_argument", `invalid filter 'all=[${values}]': it takes true or false, once`);
  }
  const isFree = (labels: Readonly<Record<string, string>>): boolean =>
    filters.get("label!").length === 0 || !filters.hasLabels("label!", labels);
  return {
    all,
    older: withoutAll(text),
    isMeant(volume) {
      const { Name, Driver, Labels } = fieldsIn(volume);
      const labels = Object.fromEntries(Object.entries(fieldsIn(Labels)).map(([name, value]) => [name, String(value)]));
      const isAnonymous = typeof Name === "string" && ANONYMOUS_NAME.test(Name) && Driver === "local";
      return isAnonymous && filters.hasLabels("label", labels) && isFree(labels);
    },
  };
}

function withoutAll(text: string | undefined): string {
  const { all: _all, ...rest } = fieldsIn(JSON.parse(text || "{}"));
  return JSON.stringify(rest);
}
