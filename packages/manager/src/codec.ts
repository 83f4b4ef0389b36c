import { Packr } from "msgpackr/pack";
import type { Command } from "@murmur/model";
import { StringPool } from "./string-pool.ts";

/** One raft entry: commands that are applied in order, and the request they belong to. */
export interface EntryBody {
  /** Names the request, so that the manager that submitted it finds its result when the entry is applied. */
  readonly requestId: string;
  readonly commands: readonly Command[];
}

/** Plain MessagePack: no shared structures, so that every entry can be read by itself. */
const packr = new Packr({ useRecords: false, moreTypes: false, encodeUndefinedAsNil: false });

export function encodeEntry(body: EntryBody): Uint8Array {
  return packr.pack(body);
}

/** About the bytes that a command takes in an entry. */
export const entryBytes = (command: Command): number => packr.pack(command).byteLength;

/** For all managers of the process: what it gives out is equal to what it was given. */
const pool = new StringPool();

/** Reads an entry that this cluster's managers wrote. Throws when the bytes are no entry: the log is damaged. */
export function decodeEntry(bytes: Uint8Array): EntryBody {
  const body: unknown = packr.unpack(bytes);
  if (!isEntryBody(body)) throw new Error("a log entry holds no command batch");
  pool.share(body.commands);
  return body;
}

const isEntryBody = (value: unknown): value is EntryBody =>
  typeof value === "object" &&
  value !== null &&
  "requestId" in value &&
  typeof value.requestId === "string" &&
  "commands" in value &&
  Array.isArray(value.commands);
