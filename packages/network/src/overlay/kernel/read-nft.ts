import type { Choice, KernelObject } from "../kernel-object.ts";
import { isChoiceChain } from "../kernel-object.ts";
import { MET_SETS } from "../render/nft-table.ts";
import { fieldOf, listOf, numberOf, textOf, type Json } from "./read-json.ts";

const PROTOCOLS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

export interface HeldTable {
  /** Its fixed part in nft's own words, without what differs from one loading to the next. */
  readonly skeleton: string;
  readonly objects: readonly KernelObject[];
}

/** Reads what `nft -j -n list table inet murmur` printed. Undefined: there is no such table. */
export function readTable(json: Json): HeldTable | undefined {
  const parts = listOf(fieldOf(json, "nftables"));
  if (!parts.some((part) => fieldOf(part, "table") !== undefined)) return undefined;
  const rules = new Map<string, Json[]>();
  for (const part of parts) {
    const chain = textOf(fieldOf(part, "rule", "chain"));
    if (chain !== "") rules.set(chain, [...(rules.get(chain) ?? []), fieldOf(part, "rule", "expr")]);
  }
  const chains = parts.map((part) => textOf(fieldOf(part, "chain", "name"))).filter(isChoiceChain);
  return {
    skeleton: skeletonOf(parts),
    objects: [
      ...parts.flatMap(readElements),
      ...chains.map((name): KernelObject => ({ kind: "chain", name, choice: readChoice(rules.get(name) ?? []) })),
    ],
  };
}

function skeletonOf(parts: readonly Json[]): string {
  const fixed = parts.filter((part) => {
    const name = textOf(fieldOf(part, "chain", "name")) || textOf(fieldOf(part, "rule", "chain"));
    return !isChoiceChain(name) && fieldOf(part, "metainfo") === undefined;
  });
  const texts = fixed.map((part) => JSON.stringify(part, (name, value: Json) => (isVarying(name) ? undefined : value)));
  return texts.join("\n");
}

const isVarying = (name: string): boolean => name === "handle" || name === "elem";

function readElements(part: Json): readonly KernelObject[] {
  const [map, set] = [fieldOf(part, "map"), fieldOf(part, "set")];
  const name = textOf(fieldOf(map ?? set, "name"));
  if (MET_SETS.includes(name)) return [];
  return listOf(fieldOf(map ?? set, "elem")).map((entry) => {
    const [key, value] = map === undefined ? [entry, undefined] : listOf(entry);
    return { kind: "element", map: name, key: keyText(key), value: map === undefined ? "" : valueText(value) };
  });
}

function keyText(key: Json): string {
  const [parts, subnet] = [fieldOf(key, "concat"), fieldOf(key, "prefix")];
  if (subnet !== undefined) return `${textOf(fieldOf(subnet, "addr"))}/${String(numberOf(fieldOf(subnet, "len")))}`;
  return parts === undefined ? plainText(key) : listOf(parts).map(plainText).join(" . ");
}

function valueText(value: Json): string {
  const target = fieldOf(value, "goto", "target");
  return target === undefined ? plainText(value) : `goto ${textOf(target)}`;
}

const plainText = (value: Json): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);

/** A chain of ours has one rule; what isn't in the form that we write is somebody else's. */
function readChoice(rules: readonly Json[]): Choice {
  const [rule, ...more] = rules;
  const choice = more.length === 0 && rule !== undefined ? readRule(listOf(rule)) : undefined;
  return choice ?? { kind: "foreign", text: JSON.stringify(rules).slice(0, 512) };
}

function readRule(expressions: readonly Json[]): Choice | undefined {
  const [first, second] = expressions;
  if (expressions.length === 1 && fieldOf(first, "mangle", "key", "meta", "key") === "mark") return { kind: "refuse" };
  const protocol =
    fieldOf(first, "match", "left", "meta", "key") === "l4proto" ? PROTOCOLS[protocolOf(first)] : undefined;
  const redirect = fieldOf(protocol === undefined ? first : second, "dnat");
  const map = fieldOf(redirect, "addr", "map");
  const slots = listOf(fieldOf(map, "data", "set")).map((slot) => textOf(listOf(slot)[1]));
  const picked = readPick(fieldOf(map, "key"), slots.length);
  const isWhole = expressions.length === (protocol === undefined ? 1 : 2);
  if (!isWhole || picked === undefined || slots.length === 0) return undefined;
  const port = numberOf(fieldOf(redirect, "port"));
  return {
    kind: "redirect",
    family: fieldOf(redirect, "family") === "ip6" ? 6 : 4,
    ...(protocol !== undefined && { protocol }),
    ...(Number.isInteger(port) && { port }),
    pick: picked,
    slots,
  };
}

const protocolOf = (match: Json): number => numberOf(fieldOf(match, "match", "right"));

/** Undefined for a number that would not be a position in the map. */
function readPick(key: Json, size: number): "random" | "inc" | "hash" | undefined {
  const [numgen, hash] = [fieldOf(key, "numgen"), fieldOf(key, "jhash")];
  if (numberOf(fieldOf(numgen ?? hash, "mod")) !== size) return undefined;
  if (numgen === undefined) return fieldOf(hash, "expr", "payload", "field") === "saddr" ? "hash" : undefined;
  const mode = fieldOf(numgen, "mode");
  return mode === "random" || mode === "inc" ? mode : undefined;
}

/** The addresses in the set that `nft -j list set` printed. */
export const readMet = (printed: Json): readonly string[] =>
  listOf(fieldOf(printed, "nftables"))
    .flatMap((part) => listOf(fieldOf(part, "set", "elem")))
    .map((entry) => textOf(fieldOf(entry, "elem", "val")) || textOf(entry));
