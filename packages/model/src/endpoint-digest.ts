import { isPlainObject } from "./check.ts";
import type { EndpointTable, NetworkEntry, ServiceEndpoints } from "./endpoint.ts";

/** What is known of an entry of an endpoint table by its content. */
export interface EntryDigest {
  readonly digest: number;
  /** What it costs in a message, about. */
  readonly bytes: number;
}

/** Entries never change, so each is looked at once. */
const known = new WeakMap<NetworkEntry | ServiceEndpoints, EntryDigest>();

/**
 * The digest and size of one entry. The order of names in objects doesn't count: it may be another one where the entry was
 * made from an older state. Not against malice: it finds tables that are not what their sender has.
 */
export function entryDigest(entry: NetworkEntry | ServiceEndpoints): EntryDigest {
  const before = known.get(entry);
  if (before !== undefined) return before;
  const size = { bytes: 0 };
  const made = { digest: hashOf(entry, size), bytes: size.bytes };
  known.set(entry, made);
  return made;
}

/** The digest of a table, its version aside: the sum of its entries', so that it follows them one by one. */
export const tableDigest = ({ networks, services }: Pick<EndpointTable, "networks" | "services">): number =>
  [...networks, ...services].reduce((sum, entry) => addDigest(sum, entryDigest(entry).digest), 0);

export const addDigest = (sum: number, digest: number): number => (sum + digest) >>> 0;
export const subtractDigest = (sum: number, digest: number): number => (sum - digest) >>> 0;

function hashOf(value: unknown, size: { bytes: number }): number {
  if (isPlainObject(value)) return hashOfObject(value, size);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => mixed(sum ^ hashOf(item, size)), value.length);
  const text = typeof value === "string" ? value : String(value);
  size.bytes += text.length + BYTES_OF_VALUE;
  return hashOfText(text);
}

function hashOfObject(value: Readonly<Record<string, unknown>>, size: { bytes: number }): number {
  let sum = 0;
  for (const name of Object.keys(value)) {
    const item = value[name];
    if (item === undefined) continue;
    size.bytes += name.length + BYTES_OF_VALUE;
    sum = addDigest(sum, mixed(hashOfText(name) ^ Math.imul(hashOf(item, size), PRIME)));
  }
  return sum;
}

/** Of a name or value beside its characters. */
const BYTES_OF_VALUE = 2;
const PRIME = 0x01000193;

/** FNV-1a (Fowler, Noll and Vo) of 32 bits, over UTF-16. */
function hashOfText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return mixed(hash);
}

/** Murmur3's mixer. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
