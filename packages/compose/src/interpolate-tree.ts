import { interpolate, type Variables } from "./interpolate.ts";
import { join, problem } from "./problem.ts";
import { listAt, mappingAt, textAt, type Tree } from "./tree.ts";

/** Puts variables into all values of a document; keys stay as they are. */
export function interpolateTree(tree: Tree, variables: Variables, path = ""): Tree {
  switch (tree.kind) {
    case "scalar": {
      if (typeof tree.value !== "string") return tree;
      const result = interpolate(tree.value, variables);
      if ("wrong" in result) throw problem(tree.place, path, result.wrong);
      return textAt(result.text, tree.place, tree.tag);
    }
    case "list": {
      const items = tree.items.map((item, index) => interpolateTree(item, variables, `${path}[${index}]`));
      return listAt(items, tree.place, tree.tag);
    }
    case "mapping": {
      const entries = new Map<string, Tree>();
      for (const [key, value] of tree.entries) entries.set(key, interpolateTree(value, variables, join(path, key)));
      return mappingAt(entries, tree.place, tree.tag);
    }
  }
}
