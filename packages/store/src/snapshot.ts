import type { Index, RestartHistory, Service, Task } from "@murmur/model";
import { TABLES, type Records, type TableName } from "./change.ts";
import { Digest } from "./digest.ts";
import type { State } from "./state.ts";

/*
 * A snapshot is lines of JSON, in ASCII (all else is escaped, so that a line may be cut anywhere), each an array:
 *
 *   ["murmur-state", FORMAT, VERSION]     first
 *   ["shared", VALUE]                     numbered from 0; what several records have in common
 *   [TABLE, RECORD]                       with numbers in place of what is shared
 *   ["end", RECORDS, DIGEST]              last
 */
export const MAGIC = "murmur-state";
/** Raised when a reader of the old format could not read the new one. */
export const FORMAT = 1;

/** Bytes of a chunk. Encoding one takes a tenth of a millisecond, and while the heap is being marked some ten. */
const CHUNK_BYTES = 8_192;

/** A copy of every table's references: records don't change, so the copy stays as it is. */
export type Copy = { readonly version: Index } & { readonly [T in TableName]: readonly Records[T][] };

export function copyOf(state: State): Copy {
  const cluster = state.cluster();
  return {
    version: state.version,
    cluster: cluster === undefined ? [] : [cluster],
    nodes: state.nodes(),
    networks: state.networks(),
    secrets: state.secrets(),
    configs: state.configs(),
    services: state.services(),
    tasks: [...state.tasks()],
    restarts: state.restarts(),
  };
}

/** The digest of a whole state. */
export function digestOf(copy: Copy): string {
  const digest = new Digest();
  for (const table of TABLES) for (const record of copy[table]) digest.add([table, record]);
  digest.add(copy.version);
  return digest.text();
}

/**
 * Encodes a copy, one chunk a step. All chunks are views of one buffer: each is valid until the next is asked for, and
 * who keeps one copies it. Buffers of their own, 53 MB of them for a large cluster, made V8 collect the whole heap in the
 * middle of each snapshot, with stalls of up to 100 ms (docs/scale.md).
 */
export function* encode(copy: Copy): Generator<Uint8Array, void, undefined> {
  let waiting = "";
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const line of lines(copy)) {
    waiting += line;
    for (; waiting.length >= CHUNK_BYTES; waiting = waiting.slice(CHUNK_BYTES)) {
      yield write(waiting.slice(0, CHUNK_BYTES), buffer);
    }
  }
  if (waiting !== "") yield write(waiting, buffer);
}

function* lines(copy: Copy): Generator<string, void, undefined> {
  const digest = new Digest();
  const shared = new Map<object, number>();
  const fresh: object[] = [];
  const share = (value: object): number => {
    const known = shared.get(value);
    if (known !== undefined) return known;
    fresh.push(value);
    shared.set(value, shared.size);
    return shared.size - 1;
  };
  let records = 0;
  yield lineOf([MAGIC, FORMAT, copy.version]);
  for (const table of TABLES) {
    for (const record of copy[table]) {
      const line = lineOf([table, withNumbers(record, share)]);
      for (const value of fresh.splice(0)) yield lineOf(["shared", value]);
      yield line;
      records += 1;
      digest.add([table, record]);
    }
  }
  digest.add(copy.version);
  yield lineOf(["end", records, digest.text()]);
}

/** The record with numbers in place of what it shares with others. `withValues` undoes it. */
function withNumbers(record: Records[TableName], share: (value: object) => number): unknown {
  if (isTask(record)) {
    const { spec, serviceLabels, endpointPorts, networks, ...own } = record;
    return { ...own, shared: [spec, serviceLabels, endpointPorts, networks].map(share) };
  }
  if (!isService(record)) return record;
  const { spec, previousSpec, ...own } = record;
  const { task, ...rest } = spec;
  if (previousSpec === undefined) return { ...own, spec: rest, shared: [share(task)] };
  const { task: previousTask, ...previousRest } = previousSpec;
  return { ...own, spec: rest, previousSpec: previousRest, shared: [share(task), share(previousTask)] };
}

const isTask = (record: Records[TableName]): record is Task => "desiredState" in record;
const isService = (record: Records[TableName]): record is Service => "specVersion" in record && !isHistory(record);
const isHistory = (record: object): record is RestartHistory => "restarts" in record;

function lineOf(value: unknown): string {
  const json = JSON.stringify(value);
  return `${json.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

function write(ascii: string, into: Uint8Array): Uint8Array {
  for (let at = 0; at < ascii.length; at += 1) into[at] = ascii.charCodeAt(at);
  return into.subarray(0, ascii.length);
}
