import { cut } from "../dotenv.ts";
import { problem } from "../problem.ts";
import { listAt, mappingAt, scalarAt, textAt, type Tree } from "../tree.ts";
import { shellWords } from "../words.ts";
import type { ListShape, MapShape, ObjectShape, Shape, Where } from "./shape.ts";
import { text } from "./values.ts";

/** Shapes of objects, lists and mappings, and the shorter forms that they may be written in. */

export function object(
  fields: Readonly<Record<string, Shape>>,
  more: Omit<ObjectShape, "kind" | "fields"> = {},
): ObjectShape {
  return { kind: "object", fields, ...more };
}

/** Entries are added to those before. */
export function listOf(items: Shape): ListShape {
  return { kind: "list", items, merge: "append" };
}

/** Each entry once. */
export function setOf(items: Shape): ListShape {
  return { kind: "list", items, merge: (item) => (item.kind === "scalar" ? item.text : "") };
}

export const texts: ListShape = setOf(text);

/** One text, or a list of them. */
export const textOrTexts: ListShape = { ...texts, long: oneAsList };

export function oneAsList(tree: Tree): Tree {
  return tree.kind === "scalar" && typeof tree.value === "string"
    ? listAt([{ ...tree, tag: undefined }], tree.place)
    : tree;
}

/** A command: a list of words, or a line that is cut into them. A later one takes the former's place. */
export const command: ListShape = {
  kind: "list",
  items: text,
  merge: "replace",
  nullable: true,
  long: (tree, where) => {
    if (tree.kind !== "scalar" || typeof tree.value !== "string") return tree;
    const result = shellWords(tree.value);
    if ("wrong" in result) throw problem(tree.place, where.path, result.wrong);
    const { place } = tree;
    return listAt(
      result.words.map((word) => textAt(word, place)),
      place,
    );
  },
};

/** `name: value`, or a list of `name=value`; a name alone has no value. */
export const dictionary: MapShape = {
  kind: "map",
  values: { kind: "text", loose: true, nullable: true },
  names: { pattern: /^(?:[^\s=]|[^\s=][^=]*[^\s=])$/, expected: "a name has no = in it and no spaces around it" },
  long: (tree, where) => {
    if (tree.kind !== "list") return tree;
    const entries = new Map<string, Tree>();
    for (const [index, item] of tree.items.entries()) {
      if (item.tag === "reset") continue;
      if (item.kind !== "scalar" || typeof item.value !== "string") {
        throw problem(
          item.place,
          `${where.path}[${index}]`,
          "NAME=value is expected; write NAME: value without the dash for a mapping",
        );
      }
      const [name, value] = cut(item.value);
      entries.set(name, value === undefined ? scalarAt(null, item.place) : textAt(value, item.place));
    }
    return mappingAt(entries, tree.place);
  },
};

/** `name: value` only. */
export const options: MapShape = { kind: "map", values: { kind: "text", loose: true, nullable: true } };

/** A list of names, or a mapping from them to more. */
export function namesOrMap(
  values: Shape,
  names: NonNullable<MapShape["names"]>,
  plain: (item: Tree) => Tree,
): MapShape {
  return {
    kind: "map",
    values,
    names,
    long: (tree: Tree, where: Where) => {
      if (tree.kind !== "list") return tree;
      const entries = new Map<string, Tree>();
      for (const [index, item] of tree.items.entries()) {
        if (item.tag === "reset") continue;
        if (item.kind !== "scalar" || typeof item.value !== "string") {
          throw problem(item.place, `${where.path}[${index}]`, "a name is expected; use a mapping to say more");
        }
        entries.set(item.value, plain(item));
      }
      return mappingAt(entries, tree.place);
    },
  };
}

/** `field: text` of a canonical mapping, or undefined. */
export function fieldText(tree: Tree, field: string): string | undefined {
  if (tree.kind !== "mapping") return undefined;
  const value = tree.entries.get(field);
  return value?.kind === "scalar" ? value.text : undefined;
}
