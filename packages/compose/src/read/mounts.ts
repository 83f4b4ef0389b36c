import { problem, shown } from "../problem.ts";
import type { ComposeMount } from "../project.ts";
import { parseBytes } from "../quantity.ts";
import { defined, Fields, textOf } from "./fields.ts";

type Bind = NonNullable<ComposeMount["bind"]>;
type Volume = NonNullable<ComposeMount["volume"]>;
type Tmpfs = NonNullable<ComposeMount["tmpfs"]>;

/** `volumes` and `tmpfs` of a service. */
export function readMounts(service: Fields, path: string): readonly ComposeMount[] {
  const mounts = [...service.each("volumes").map(readMount), ...readTmpfs(service, path)];
  const targets = new Set<string>();
  for (const { target } of mounts) {
    if (targets.has(target))
      throw problem(service.tree.place, path, `something is mounted at ${shown(target)} twice, by volumes and tmpfs`);
    targets.add(target);
  }
  return mounts;
}

function readMount(fields: Fields): ComposeMount {
  const bind = fields.fields("bind");
  const volume = fields.fields("volume");
  const tmpfs = fields.fields("tmpfs");
  return defined<ComposeMount>({
    type: fields.text("type") as ComposeMount["type"],
    source: fields.text("source"),
    target: fields.text("target") ?? "",
    readOnly: fields.flag("read_only") ?? false,
    consistency: fields.text("consistency"),
    bind:
      bind &&
      defined<Bind>({
        propagation: bind.text("propagation"),
        createHostPath: bind.flag("create_host_path"),
        selinux: bind.text("selinux"),
      }),
    volume: volume && defined<Volume>({ nocopy: volume.flag("nocopy"), subpath: volume.text("subpath") }),
    tmpfs: tmpfs && defined<Tmpfs>({ sizeBytes: tmpfs.bytes("size"), mode: tmpfs.number("mode") }),
  });
}

/** `PATH[:OPTIONS]`, of which a cluster knows `size` and `mode`. */
function readTmpfs(service: Fields, path: string): readonly ComposeMount[] {
  return (service.list("tmpfs") ?? []).map((tree, index) => {
    const [target = "", options = ""] = textOf(tree).split(/:(.*)/s);
    const wrong = (text: string): Error => problem(tree.place, `${path}.tmpfs[${index}]`, text);
    let readOnly = false;
    let sizeBytes: number | undefined;
    let mode: number | undefined;
    for (const option of options === "" ? [] : options.split(",")) {
      const [name = "", value = ""] = option.split(/=(.*)/s);
      if (option === "ro" || option === "rw") readOnly = option === "ro";
      else if (name === "size") {
        sizeBytes = parseBytes(value);
        if (sizeBytes === undefined) throw wrong(`a size is expected, as in "size=64M", not ${shown(value)}`);
      } else if (name === "mode") {
        if (!/^[0-7]{1,6}$/.test(value))
          throw wrong(`permissions are expected, as in "mode=1777", not ${shown(value)}`);
        mode = Number.parseInt(value, 8);
      } else service.leave(`tmpfs[${index}].${name}`, tree);
    }
    if (!target.startsWith("/")) throw wrong(`an absolute path is expected, not ${shown(target)}`);
    const tmpfs = defined<Tmpfs>({ sizeBytes, mode });
    return { type: "tmpfs", target, readOnly, ...(Object.keys(tmpfs).length > 0 ? { tmpfs } : {}) };
  });
}
