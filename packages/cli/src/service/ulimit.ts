import { invalid } from "../argument-error.ts";

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

/** `nofile=1024:2048`, `nproc=512`; -1 is no limit. Errors: `invalid_argument`. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  const soft = Number(match?.[2]);
  const hard = Number(match?.[3] ?? match?.[2]);
  if (match === null || !Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) {
    throw invalid(`invalid ulimit '${text}': give NAME=SOFT[:HARD]`);
  }
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`invalid ulimit '${text}': the soft limit is above the hard one`);
  }
  return { Name: match[1] ?? "", Soft: soft, Hard: hard };
}
