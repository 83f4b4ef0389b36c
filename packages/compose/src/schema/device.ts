import { problem, shown } from "../problem.ts";
import { listAt, objectAt, textAt, type Tree } from "../tree.ts";
import { dictionary, fieldText, object, texts } from "./collections.ts";
import type { ListShape, MapShape, Where } from "./shape.ts";
import { count, loose, text, whole } from "./values.ts";

/** `SOURCE[:TARGET[:PERMISSIONS]]`, or the long form. */
export const devices: ListShape = {
  kind: "list",
  items: object({ source: text, target: text, permissions: text }, { required: ["source"] }),
  merge: (item) => fieldText(item, "target") ?? fieldText(item, "source") ?? "",
  expand: longDevice,
};

function longDevice(item: Tree, where: Where): readonly Tree[] {
  if (item.kind !== "scalar" || typeof item.value !== "string") return [item];
  const parts = item.value.split(":");
  if (parts.length > 3 || parts.includes("")) {
    throw problem(
      item.place,
      where.path,
      `SOURCE[:TARGET[:PERMISSIONS]] is expected, as in "/dev/ttyUSB0:/dev/tty0:rw", not ${shown(item.text)}`,
    );
  }
  const [source = "", target = source, permissions = "rwm"] = parts;
  const { place } = item;
  return [
    objectAt(
      { source: textAt(source, place), target: textAt(target, place), permissions: textAt(permissions, place) },
      place,
    ),
  ];
}

const request = object(
  {
    capabilities: texts,
    count: {
      kind: "text",
      loose: true,
      check: (given) =>
        /^(?:all|-1|\d{1,9})$/i.test(given) ? undefined : `"all" or a whole number is expected, not ${shown(given)}`,
    },
    device_ids: texts,
    driver: text,
    options: dictionary,
  },
  {
    check: (fields) =>
      fields.has("count") && fields.has("device_ids")
        ? "count and device_ids exclude each other; leave one of them"
        : undefined,
  },
);

/** `deploy.resources.reservations.devices`. */
export const deviceRequests: ListShape = {
  kind: "list",
  items: { ...request, required: ["capabilities"] },
  merge: "append",
};

/** `all`, or a list. */
export const gpus: ListShape = {
  kind: "list",
  items: request,
  merge: "append",
  long: (tree) =>
    tree.kind === "scalar" && tree.value === "all"
      ? listAt([objectAt({ count: textAt("all", tree.place) }, tree.place)], tree.place)
      : tree,
};

export const ulimits: MapShape = {
  kind: "map",
  names: { pattern: /^[a-z]+$/, expected: "a limit has small letters only, as in nofile" },
  values: object(
    { soft: whole, hard: whole },
    {
      required: ["soft", "hard"],
      replaces: () => true,
      long: (tree) =>
        tree.kind === "scalar"
          ? objectAt({ soft: { ...tree, tag: undefined }, hard: { ...tree, tag: undefined } }, tree.place)
          : tree,
    },
  ),
};

const weight = object({ path: text, weight: count });
const rate = object({ path: text, rate: loose });
const byPath = (items: typeof weight): ListShape => ({
  kind: "list",
  items,
  merge: (item) => fieldText(item, "path") ?? "",
});

export const blkio = object({
  device_read_bps: byPath(rate),
  device_read_iops: byPath(rate),
  device_write_bps: byPath(rate),
  device_write_iops: byPath(rate),
  weight: count,
  weight_device: byPath(weight),
});
