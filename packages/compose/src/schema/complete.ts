import { join, problem } from "../problem.ts";
import { listAt, mappingAt, type Tree } from "../tree.ts";
import type { Shape } from "./shape.ts";

/** The merged tree without what was removed; what it must have, it has. */
export function complete(tree: Tree, shape: Shape, path: string): Tree {
  if (tree.kind === "list") {
    if (shape.kind !== "list") return tree;
    const items = tree.items.map((item, index) => complete(item, shape.items, `${path}[${index}]`));
    return listAt(items, tree.place);
  }
  if (tree.kind !== "mapping" || (shape.kind !== "map" && shape.kind !== "object")) return tree;
  const entries = new Map<string, Tree>();
  for (const [key, value] of tree.entries) {
    if (value.tag === "reset") continue;
    const inner = shape.kind === "map" ? shape.values : shape.fields[key];
    entries.set(key, inner === undefined ? value : complete(value, inner, join(path, key)));
  }
  if (shape.kind === "object") {
    for (const field of shape.required ?? []) {
      if (!entries.has(field)) throw problem(tree.place, path, `the field ${JSON.stringify(field)} is missing`);
    }
    const wrong = shape.check?.(entries);
    if (wrong !== undefined) throw problem(tree.place, path, wrong);
  }
  return mappingAt(entries, tree.place);
}
