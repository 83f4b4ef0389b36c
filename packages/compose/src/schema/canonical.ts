import { didYouMean } from "../nearest-name.ts";
import { cleanPath, resolvePath } from "../paths.ts";
import { join, problem, shown } from "../problem.ts";
import {
  isNull,
  listAt,
  mappingAt,
  nameOf,
  scalarAt,
  textAt,
  type List,
  type Mapping,
  type Scalar,
  type Tree,
} from "../tree.ts";
import { withoutRepeats } from "./merge.ts";
import {
  isExtension,
  type ListShape,
  type MapShape,
  type NumberShape,
  type ObjectShape,
  type Shape,
  type TextShape,
  type Where,
} from "./shape.ts";

/**
 * A tree in its long form, checked: every value is of its shape's kind, texts are texts, paths are absolute, fields of
 * the user's own are left out. Required fields are not looked at, since another file may have them (`complete`).
 */
export function canonical(tree: Tree, shape: Shape, where: Where): Tree {
  if (tree.tag === "reset") return scalarAt(null, tree.place, "reset");
  if ("nullable" in shape && shape.nullable && isNull(tree)) return tree;
  switch (shape.kind) {
    case "any":
      return tree;
    case "text":
      return text(tree, shape, where);
    case "flag":
      return flag(tree, where);
    case "number":
      return number(tree, shape, where);
    case "list":
      return list(tree, shape, where);
    case "map":
      return map(tree, shape, where);
    case "object":
      return object(tree, shape, where);
  }
}

function text(tree: Tree, shape: TextShape, where: Where): Scalar {
  if (tree.kind !== "scalar" || isNull(tree)) throw unexpected(tree, where, "text is expected");
  if (typeof tree.value !== "string" && shape.loose !== true) {
    throw problem(tree.place, where.path, `text is expected, not ${nameOf(tree)}; write ${shown(tree.text)} in quotes`);
  }
  const wrong = shape.check?.(tree.text);
  if (wrong !== undefined) throw problem(tree.place, where.path, wrong);
  return textAt(shape.path === true ? absolute(tree.text, where) : tree.text, tree.place, tree.tag);
}

/** The absolute form of a path that a file names; `~` is the user's home. */
export function absolute(path: string, where: Where): string {
  if (path === "~" || path.startsWith("~/")) return cleanPath(`${where.home ?? "~"}${path.slice(1)}`);
  return resolvePath(where.directory, path);
}

const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  y: true,
  yes: true,
  on: true,
  false: false,
  n: false,
  no: false,
  off: false,
};

function flag(tree: Tree, where: Where): Scalar {
  if (tree.kind === "scalar" && typeof tree.value === "boolean") return tree;
  const value = tree.kind === "scalar" && typeof tree.value === "string" ? FLAGS[tree.value.toLowerCase()] : undefined;
  if (value === undefined) throw unexpected(tree, where, "true or false is expected");
  return scalarAt(value, tree.place, tree.tag);
}

function number(tree: Tree, shape: NumberShape, where: Where): Scalar {
  const kind = shape.whole ? "a whole number" : "a number";
  const expected = `${kind} ${rangeOf(shape)}is expected`.replace(/ {2,}/g, " ");
  if (tree.kind !== "scalar" || tree.text === "" || typeof tree.value === "boolean")
    throw unexpected(tree, where, expected);
  if (shape.octal === true && typeof tree.value === "string") {
    if (!/^0?o?[0-7]{1,6}$/.test(tree.value)) throw unexpected(tree, where, 'permissions are expected, as in "0440"');
    return scalarAt(Number.parseInt(tree.value.replace("o", ""), 8), tree.place, tree.tag);
  }
  const pattern = shape.whole ? /^[-+]?\d{1,16}$/ : /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d{1,3})?$/i;
  const value = Number(tree.text);
  const fits = value >= (shape.min ?? -Infinity) && value <= (shape.max ?? Infinity);
  if (!pattern.test(tree.text) || !Number.isFinite(value) || !fits || (shape.whole && !Number.isSafeInteger(value))) {
    throw unexpected(tree, where, expected);
  }
  return scalarAt(value, tree.place, tree.tag);
}

function rangeOf({ min, max }: NumberShape): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max} `;
  if (min !== undefined) return `of at least ${min} `;
  return max === undefined ? "" : `of at most ${max} `;
}

function list(given: Tree, shape: ListShape, where: Where): List {
  const tree = given.kind === "list" ? given : (shape.long?.(given, where) ?? given);
  if (tree.kind !== "list") throw unexpected(tree, where, "a list is expected");
  const items = tree.items.flatMap((item, index) => {
    if (item.tag === "reset") return [];
    const place = { ...where, path: `${where.path}[${index}]` };
    const entries = shape.expand?.(item, place) ?? [item];
    return entries.map((entry) => canonical(entry, shape.items, place));
  });
  return withoutRepeats(listAt(items, tree.place, given.tag), shape);
}

function map(given: Tree, shape: MapShape, where: Where): Mapping {
  const tree = given.kind === "mapping" ? given : (shape.long?.(given, where) ?? given);
  if (tree.kind !== "mapping") throw unexpected(tree, where, "a mapping is expected, as in `name: value`");
  const entries = new Map<string, Tree>();
  for (const [name, value] of tree.entries) {
    if (shape.names !== undefined && !shape.names.pattern.test(name)) {
      throw problem(value.place, where.path, `${shown(name)} is no name here; ${shape.names.expected}`);
    }
    entries.set(name, canonical(value, shape.values, { ...where, path: join(where.path, name) }));
  }
  return mappingAt(entries, tree.place, given.tag);
}

function object(given: Tree, shape: ObjectShape, where: Where): Mapping {
  const tree = given.kind === "mapping" ? given : (shape.long?.(given, where) ?? given);
  if (tree.kind !== "mapping") {
    throw unexpected(tree, where, `a mapping is expected, with ${Object.keys(shape.fields).slice(0, 4).join(", ")}`);
  }
  const entries = new Map<string, Tree>();
  for (const [key, value] of tree.entries) {
    const field = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
    if (field !== undefined) {
      entries.set(key, canonical(value, field, { ...where, path: join(where.path, key) }));
    } else if (shape.closed === true || !isExtension(key)) {
      const names = Object.keys(shape.fields);
      const own = shape.closed === true ? "" : "; fields of your own begin with x-";
      const hint = didYouMean(key, names) || (names.length <= 8 ? `; there are ${names.join(", ")}` : own);
      throw problem(value.place, where.path, `the field ${shown(key)} isn't known${hint}`);
    }
  }
  return mappingAt(entries, tree.place, given.tag);
}

function unexpected(tree: Tree, where: Where, expected: string): Error {
  const given = tree.kind === "scalar" && tree.text !== "" ? shown(tree.text) : nameOf(tree);
  return problem(tree.place, where.path, `${expected}, not ${given}`);
}
