import { cleanPath, isWindowsPath } from "../paths.ts";
import { problem, shown } from "../problem.ts";
import { mappingAt, objectAt, scalarAt, textAt, type Tree } from "../tree.ts";
import { absolute } from "./canonical.ts";
import { dictionary, fieldText, object, oneAsList } from "./collections.ts";
import type { ListShape, NumberShape, Where } from "./shape.ts";
import { bytes, flag, oneOf, text } from "./values.ts";

export const fileMode: NumberShape = { kind: "number", whole: true, min: 0, max: 0o177_777, octal: true };

const PROPAGATIONS = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];
const CONSISTENCIES = ["consistent", "cached", "delegated", "default"];

const mount = object(
  {
    type: oneOf("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
    source: text,
    target: text,
    read_only: flag,
    consistency: text,
    bind: object({
      propagation: text,
      create_host_path: flag,
      recursive: oneOf("enabled", "disabled", "writable", "readonly"),
      selinux: oneOf("z", "Z"),
    }),
    volume: object({ labels: dictionary, nocopy: flag, subpath: text }),
    tmpfs: object({ size: bytes, mode: fileMode }),
    image: object({ subpath: text }),
  },
  {
    required: ["type", "target"],
    check: (fields) => {
      const type = fields.get("type");
      if (type?.kind !== "scalar" || type.text !== "bind" || fields.has("source")) return undefined;
      return 'a mount of type "bind" needs a source';
    },
  },
);

/** `[SOURCE:]TARGET[:OPTIONS]`, or the long form. A target is mounted once. */
export const mounts: ListShape = {
  kind: "list",
  items: mount,
  merge: (item) => fieldText(item, "target") ?? "",
  expand: longMount,
};

/** `tmpfs:` of a service, a path or several, with options as `mount` knows them. */
export const tmpfs: ListShape = {
  kind: "list",
  items: text,
  long: oneAsList,
  merge: (item) => (item.kind === "scalar" ? (item.text.split(":")[0] ?? "") : ""),
};

function longMount(item: Tree, where: Where): readonly Tree[] {
  if (item.kind === "mapping") return [withPaths(item.entries, item, where)];
  if (item.kind !== "scalar" || typeof item.value !== "string") return [item];
  const wrong = (what: string): Error =>
    problem(
      item.place,
      where.path,
      `${what} in ${shown(item.text)}; [SOURCE:]TARGET[:OPTIONS] is expected, as in "data:/var/lib/data:ro"`,
    );
  const parts = sections(item.value);
  if (parts.length > 3) throw wrong("there are too many colons");
  if (parts.includes("")) throw wrong("something is missing");
  const [first = "", second, given = ""] = parts;
  const { place } = item;
  if (second === undefined)
    return [objectAt({ type: textAt("volume", place), target: textAt(cleanPath(first), place) }, place)];
  const isPath = /^[./~]/.test(first) || isWindowsPath(first);
  const fields: Record<string, Tree> = {
    type: textAt(isPath ? "bind" : "volume", place),
    source: textAt(isPath ? absolute(first, where) : first, place),
    target: textAt(cleanPath(second), place),
  };
  // The node is not asked to make the directory, as with docker stack: engines before API 1.42 can't.
  const bind: Record<string, Tree> = {};
  for (const option of given === "" ? [] : given.split(",")) {
    if (option === "ro" || option === "rw") fields["read_only"] = scalarAt(option === "ro", place);
    else if (option === "nocopy") fields["volume"] = objectAt({ nocopy: scalarAt(true, place) }, place);
    else if (option === "z" || option === "Z") bind["selinux"] = textAt(option, place);
    else if (PROPAGATIONS.includes(option)) bind["propagation"] = textAt(option, place);
    else if (CONSISTENCIES.includes(option)) fields["consistency"] = textAt(option, place);
    else
      throw wrong(
        `the option ${shown(option)} isn't known (there are ro, rw, nocopy, z, Z, ${PROPAGATIONS.join(", ")})`,
      );
  }
  if (Object.keys(bind).length > 0) fields["bind"] = objectAt(bind, place);
  return [objectAt(fields, place)];
}

/** Colons cut, but for the one behind the letter of a Windows drive. */
function sections(given: string): readonly string[] {
  const parts: string[] = [];
  for (const part of given.split(":")) {
    const last = parts.at(-1);
    if (last !== undefined && /^[A-Za-z]$/.test(last) && /^[\\/]/.test(part) && part.includes("\\"))
      parts[parts.length - 1] = `${last}:${part}`;
    else parts.push(part);
  }
  return parts;
}

function withPaths(entries: ReadonlyMap<string, Tree>, item: Tree, where: Where): Tree {
  const long = new Map(entries);
  const source = entries.get("source");
  if (fieldText(item, "type") === "bind" && source?.kind === "scalar" && typeof source.value === "string") {
    long.set("source", textAt(absolute(source.value, where), source.place));
  }
  const target = entries.get("target");
  if (target?.kind === "scalar" && typeof target.value === "string" && target.value !== "") {
    long.set("target", textAt(cleanPath(target.value), target.place));
  }
  return mappingAt(long, item.place);
}
