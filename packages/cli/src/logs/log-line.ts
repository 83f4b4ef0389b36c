import { ClusterError } from "@murmur/base";

/** Where a line comes from. */
export interface LineContext {
  readonly node: string;
  readonly service: string;
  readonly task: string;
}

/** A line of a log that was asked for with details. */
export interface ParsedLine {
  /** Empty when it wasn't asked for. */
  readonly time: string;
  readonly context: LineContext;
  /** What the log driver knows beside: `key=value`, in order. */
  readonly details: readonly string[];
  readonly text: Uint8Array;
}

const CONTEXT = "com.docker.swarm";
const SPACE = 0x20;

/** Errors: `corrupt` for a line that doesn't say where it comes from. */
export function parseLine(payload: Uint8Array, { timestamps }: { readonly timestamps: boolean }): ParsedLine {
  const [time, rest] = timestamps ? cutWord(payload) : ["", payload];
  const [word, text] = cutWord(rest);
  const pairs = word.split(",").map((pair) => decodeURIComponent(pair.replaceAll("+", " ")));
  const own = (name: string): string => {
    const key = `${CONTEXT}.${name}.id=`;
    const found = pairs.find((pair) => pair.startsWith(key));
    if (found === undefined) throw new ClusterError("corrupt", "the daemon sent a line that doesn't say whose it is");
    return found.slice(key.length);
  };
  const context = { node: own("node"), service: own("service"), task: own("task") };
  const details = pairs.filter((pair) => pair !== "" && !/^com\.docker\.swarm\.(node|service|task)\.id=/.test(pair));
  return { time, context, details: details.toSorted(), text };
}

function cutWord(bytes: Uint8Array): readonly [string, Uint8Array] {
  const end = bytes.indexOf(SPACE);
  if (end < 0) return [new TextDecoder().decode(bytes), new Uint8Array()];
  return [new TextDecoder().decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}
