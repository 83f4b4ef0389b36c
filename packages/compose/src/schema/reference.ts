import { objectAt, type Tree } from "../tree.ts";
import { fieldText, object } from "./collections.ts";
import { fileMode } from "./mount.ts";
import type { ListShape } from "./shape.ts";
import { loose, text } from "./values.ts";

/** A config or a secret that a service mounts: its name, or the long form. */
export const references: ListShape = {
  kind: "list",
  items: object({ source: text, target: text, uid: loose, gid: loose, mode: fileMode }, { required: ["source"] }),
  merge: (item) => (fieldText(item, "target") ?? fieldText(item, "source") ?? "").replace(/^\/(?:run\/secrets\/)?/, ""),
  expand: (item: Tree) =>
    item.kind === "scalar" && typeof item.value === "string" ? [objectAt({ source: item }, item.place)] : [item],
};
