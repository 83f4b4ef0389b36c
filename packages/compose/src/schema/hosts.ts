import { problem, shown } from "../problem.ts";
import { listAt, textAt, type Tree } from "../tree.ts";
import { texts } from "./collections.ts";
import type { ListShape, Where } from "./shape.ts";

/** `NAME=ADDRESS` in the end; also `NAME:ADDRESS`, and a mapping from names to one address or several. */
export const extraHosts: ListShape = {
  ...texts,
  expand: (item, where) =>
    item.kind === "scalar" && typeof item.value === "string" ? longHosts(item.value, item, where) : [item],
  long: (tree, where) => {
    if (tree.kind !== "mapping") return tree;
    const items: Tree[] = [];
    for (const [name, value] of tree.entries) {
      for (const address of value.kind === "list" ? value.items : [value]) {
        if (address.kind !== "scalar")
          throw problem(value.place, `${where.path}.${name}`, "an address, or a list of them, is expected");
        if (address.tag !== "reset") items.push(textAt(`${name}=${address.text}`, address.place));
      }
    }
    return listAt(items, tree.place);
  },
};

function longHosts(given: string, item: Tree, where: Where): readonly Tree[] {
  const found = /^([^\s=:]+)[=:](\S+)$/.exec(given);
  if (found === null)
    throw problem(item.place, where.path, `NAME=ADDRESS is expected, as in "db=10.0.0.5", not ${shown(given)}`);
  const [, name = "", addresses = ""] = found;
  return addresses.split(",").map((address) => textAt(`${name}=${address.replace(/^\[(.*)\]$/, "$1")}`, item.place));
}
