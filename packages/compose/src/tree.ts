import type { Place } from "./problem.ts";

/** `!reset` removes what earlier files say; `!override` replaces it instead of being merged with it. */
export type Tag = "reset" | "override";

/**
 * A YAML value with its place. Trees never change and are shared: an alias is the anchor's own tree. A value of a
 * mapping has the place of its key.
 */
export type Tree = Scalar | List | Mapping;

export interface Scalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** The value as a string where a string is wanted: whole numbers to the last digit, null as "". */
  readonly text: string;
  readonly place: Place;
  readonly tag: Tag | undefined;
}

export interface List {
  readonly kind: "list";
  readonly items: readonly Tree[];
  readonly place: Place;
  readonly tag: Tag | undefined;
}

export interface Mapping {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Tree>;
  readonly place: Place;
  readonly tag: Tag | undefined;
}

export function textAt(value: string, place: Place, tag?: Tag): Scalar {
  return { kind: "scalar", value, text: value, place, tag };
}

export function scalarAt(value: number | boolean | null, place: Place, tag?: Tag): Scalar {
  return { kind: "scalar", value, text: value === null ? "" : String(value), place, tag };
}

export function listAt(items: readonly Tree[], place: Place, tag?: Tag): List {
  return { kind: "list", items, place, tag };
}

export function mappingAt(entries: ReadonlyMap<string, Tree>, place: Place, tag?: Tag): Mapping {
  return { kind: "mapping", entries, place, tag };
}

/** A mapping of what is defined: an undefined value is left out. */
export function objectAt(fields: Readonly<Record<string, Tree | undefined>>, place: Place, tag?: Tag): Mapping {
  const entries = new Map<string, Tree>();
  for (const [key, tree] of Object.entries(fields)) if (tree !== undefined) entries.set(key, tree);
  return mappingAt(entries, place, tag);
}

export function isNull(tree: Tree): boolean {
  return tree.kind === "scalar" && tree.value === null;
}

/** What a value is, for a message that expected another. */
export function nameOf(tree: Tree): string {
  if (tree.kind !== "scalar") return `a ${tree.kind}`;
  if (tree.value === null) return "nothing";
  return typeof tree.value === "string" ? "text" : `a ${typeof tree.value}`;
}

/** Whether two trees say the same, wherever they stand. */
export function isSame(one: Tree, other: Tree): boolean {
  if (one.kind === "scalar") return other.kind === "scalar" && one.value === other.value && one.text === other.text;
  if (one.kind === "list") {
    if (other.kind !== "list" || one.items.length !== other.items.length) return false;
    return one.items.every((item, index) => isSame(item, other.items[index] ?? item));
  }
  if (other.kind !== "mapping" || one.entries.size !== other.entries.size) return false;
  for (const [key, tree] of one.entries) {
    const rival = other.entries.get(key);
    if (rival === undefined || !isSame(tree, rival)) return false;
  }
  return true;
}
