import { invalid } from "../argument-error.ts";

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

/** Those that Linux has (getrlimit(2)). */
const NAMES: readonly string[] =
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");

/** `nofile=1024:2048`, `nproc=512`; -1 is no limit. Errors: `invalid_argument`. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  const soft = Number(match?.[2]);
  const hard = Number(match?.[3] ?? match?.[2]);
  if (match === null || !Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) {
    throw invalid(`invalid ulimit '${text}': give NAME=SOFT[:HARD]`);
  }
  const [, name = ""] = match;
  if (!NAMES.includes(name)) throw invalid(`invalid ulimit type '${name}': there are ${NAMES.join(", ")}`);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`invalid ulimit '${text}': the soft limit is above the hard one`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}
