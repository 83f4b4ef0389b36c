import { isNull, listAt, mappingAt, type List, type Mapping, type Tree } from "../tree.ts";
import { type ListShape, type ObjectShape, type Shape } from "./shape.ts";

/**
 * Two canonical trees as one, the later winning, by the rules that their shape has. A removal (`!reset`) and a
 * replacement (`!override`) stay in the result, as they are to act on whatever comes before it too.
 */
export function merge(former: Tree, later: Tree, shape: Shape): Tree {
  if (later.tag !== undefined) return later;
  if (former.tag === "reset") return { ...later, tag: "override" };
  const merged = mergeUntagged(former, later, shape);
  return former.tag === undefined ? merged : { ...merged, tag: former.tag };
}

function mergeUntagged(former: Tree, later: Tree, shape: Shape): Tree {
  // An empty value says nothing, but for a command, which it clears.
  if (isNull(later) && former.kind !== "scalar")
    return shape.kind === "list" && shape.merge === "replace" ? later : former;
  if (shape.kind === "list" && former.kind === "list" && later.kind === "list") return mergeLists(former, later, shape);
  if (former.kind !== "mapping" || later.kind !== "mapping") return later;
  if (shape.kind === "map") return mergeEntries(former, later, () => shape.values);
  if (shape.kind !== "object") return later;
  return shape.replaces?.(former, later) === true ? later : mergeEntries(former, later, (key) => fieldOf(shape, key));
}

const ANY: Shape = { kind: "any" };

function fieldOf(shape: ObjectShape, key: string): Shape {
  return shape.fields[key] ?? ANY;
}

function mergeEntries(former: Mapping, later: Mapping, shapeOf: (key: string) => Shape): Mapping {
  const entries = new Map(former.entries);
  for (const [key, tree] of later.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? tree : merge(before, tree, shapeOf(key)));
  }
  return mappingAt(entries, later.place);
}

function mergeLists(former: List, later: List, shape: ListShape): List {
  if (shape.merge === "replace") return later;
  return withoutRepeats(listAt([...former.items, ...later.items], later.place), shape);
}

/** Of the entries with one key the last stays, at the place of the first. */
export function withoutRepeats(list: List, shape: ListShape): List {
  if (typeof shape.merge !== "function") return list;
  const entries = new Map<string, Tree>();
  for (const item of list.items) {
    const key = shape.merge(item);
    const before = entries.get(key);
    entries.set(key, before !== undefined && shape.mergeItems === true ? merge(before, item, shape.items) : item);
  }
  return entries.size === list.items.length ? list : listAt([...entries.values()], list.place, list.tag);
}
