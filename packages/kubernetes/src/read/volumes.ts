import {
  defined,
  problem,
  shown,
  type ComposeMount,
  type ComposePayload,
  type ComposeReference,
  type Fields,
} from "@murmur/compose";

import type { Context } from "../context.ts";
import { bytesOf } from "../quantity.ts";
import { heldBy } from "./environment.ts";
import type { Payload } from "./payload.ts";

const PROPAGATIONS: Readonly<Record<string, string>> = {
  None: "rprivate",
  HostToContainer: "rslave",
  Bidirectional: "rshared",
};

/** What a container's `volumeMounts` come to, with the configs and secrets that they need, by key. */
export interface Mounted {
  readonly mounts: readonly ComposeMount[];
  readonly configs: readonly ComposeReference[];
  readonly secrets: readonly ComposeReference[];
  readonly payloads: {
    readonly configs: ReadonlyMap<string, ComposePayload>;
    readonly secrets: ReadonlyMap<string, ComposePayload>;
  };
}

export function readVolumes(pod: Fields, container: Fields, context: Context): Mounted {
  return new VolumeReader(pod, context).read(container);
}

class VolumeReader {
  readonly #volumes = new Map<string, Fields>();
  readonly #context: Context;
  readonly #mounts: ComposeMount[] = [];
  readonly #references = { configs: [] as ComposeReference[], secrets: [] as ComposeReference[] };
  readonly #payloads = { configs: new Map<string, ComposePayload>(), secrets: new Map<string, ComposePayload>() };
  /** Names of volumes that live with their task: a second mount would be another volume. */
  readonly #own = new Set<string>();
  readonly #targets = new Set<string>();

  constructor(pod: Fields, context: Context) {
    this.#context = context;
    for (const volume of pod.each("volumes")) {
      const name = volume.text("name") ?? "";
      if (this.#volumes.has(name))
        throw problem(volume.tree.place, `${volume.path}.name`, `${shown(name)} is there already; rename one`);
      this.#volumes.set(name, volume);
    }
  }

  read(container: Fields): Mounted {
    const mounted = container.each("volumeMounts").map((mount) => this.#read(mount));
    // What nobody mounts does nothing in Kubernetes either.
    for (const [name, volume] of this.#volumes) {
      if (!mounted.includes(name)) for (const source of volume.tree.entries.keys()) volume.take(source);
    }
    return { mounts: this.#mounts, ...this.#references, payloads: this.#payloads };
  }

  /** Returns the volume's name. */
  #read(mount: Fields): string {
    const name = mount.text("name") ?? "";
    const volume = this.#volumes.get(name);
    if (volume === undefined)
      throw problem(
        mount.tree.place,
        `${mount.path}.name`,
        `there is no volume ${shown(name)} in spec.template.spec.volumes`,
      );
    const target = (mount.text("mountPath") ?? "").replace(/(?<=.)\/+$/, "");
    if (!target.startsWith("/"))
      throw problem(mount.tree.place, `${mount.path}.mountPath`, `an absolute path is expected, not ${shown(target)}`);
    const rival = this.#targets.has(target);
    if (rival)
      throw problem(mount.tree.place, `${mount.path}.mountPath`, `something is mounted at ${shown(target)} already`);
    this.#targets.add(target);
    for (const [field, kind] of [
      ["configMap", "configs"],
      ["secret", "secrets"],
    ] as const) {
      const source = volume.fields(field);
      if (source === undefined) continue;
      mount.take("readOnly");
      mount.take("mountPropagation");
      this.#files(mount, source, kind, target);
      return name;
    }
    const host = volume.fields("hostPath");
    if (host !== undefined) {
      this.#host(mount, host, target);
      return name;
    }
    const others = [...volume.tree.entries.keys()].filter((key) => key !== "name" && key !== "emptyDir");
    // Volumes of other kinds are named where they stand.
    if (others.length > 0) for (const key of ["readOnly", "subPath", "mountPropagation"]) mount.take(key);
    else this.#empty(mount, { name, target, source: volume.fields("emptyDir") });
    return name;
  }

  /** Each key is a config or secret of its own, since those are files and not directories. */
  #files(mount: Fields, source: Fields, kind: "configs" | "secrets", target: string): void {
    const field = kind === "configs" ? "name" : "secretName";
    const held = heldBy(source, kind === "configs" ? "configMaps" : "secrets", this.#context, field);
    const owner = source.text(field) ?? "";
    const fileMode = source.number("defaultMode");
    const items = filesIn(source, held ?? new Map());
    const subPath = mount.text("subPath");
    for (const { key, path, mode } of items) {
      const bytes = held?.get(key);
      if (bytes === undefined) continue;
      if (subPath !== undefined && path !== subPath && !path.startsWith(`${subPath}/`)) continue;
      const inside = subPath === undefined ? `/${path}` : path.slice(subPath.length);
      if (bytes.length === 0) {
        mount.leave(
          "name",
          mount.tree,
          `the file ${path} is empty, and a cluster's configs and secrets aren't: give it a line`,
        );
        continue;
      }
      // A ConfigMap's name has no underscore, so that no two of them meet.
      const name = `${owner}_${key}`;
      this.#payloads[kind].set(name, {
        external: false,
        data: bytes,
        labels: new Map(),
        driverOptions: new Map(),
        others: [],
      });
      const bits = mode ?? fileMode;
      this.#references[kind].push({
        source: name,
        target: `${target}${inside}`,
        ...(bits !== undefined && { mode: bits }),
      });
    }
  }

  #host(mount: Fields, host: Fields, target: string): void {
    const type = host.text("type") ?? "";
    const path = host.text("path") ?? "";
    if (!path.startsWith("/"))
      throw problem(host.tree.place, `${host.path}.path`, `an absolute path is expected, not ${shown(path)}`);
    if (type === "FileOrCreate")
      host.leave("type", host.tree, "a node makes directories, not files: make the file on the nodes, and say File");
    const subPath = mount.text("subPath");
    if (subPath?.split("/").includes("..") === true)
      throw problem(mount.tree.place, `${mount.path}.subPath`, "a path without .. is expected");
    const propagation = mount.text("mountPropagation");
    const bind = defined<NonNullable<ComposeMount["bind"]>>({
      propagation: propagation === undefined ? undefined : PROPAGATIONS[propagation],
      // As a container runtime does with a path that nobody checks.
      createHostPath: type === "" || type === "DirectoryOrCreate",
      selinux: undefined,
    });
    const source = subPath === undefined ? path : `${path.replace(/\/$/, "")}/${subPath}`;
    this.#mounts.push({ type: "bind", source, target, readOnly: mount.flag("readOnly") ?? false, bind });
  }

  #empty(
    mount: Fields,
    { name, target, source }: { readonly name: string; readonly target: string; readonly source: Fields | undefined },
  ): void {
    if (this.#own.has(name))
      mount.leave(
        "name",
        mount.tree,
        `the emptyDir ${shown(name)} is mounted twice, and would be two volumes here: mount it once, above both paths`,
      );
    this.#own.add(name);
    const readOnly = mount.flag("readOnly") ?? false;
    const limit = source?.text("sizeLimit");
    mount.take("mountPropagation");
    if (source?.text("medium") === "Memory") {
      const sizeBytes = limit === undefined ? undefined : bytesOf(limit);
      this.#mounts.push({ type: "tmpfs", target, readOnly, ...(sizeBytes !== undefined && { tmpfs: { sizeBytes } }) });
      return;
    }
    if (limit !== undefined)
      source?.leave(
        "sizeLimit",
        source.tree,
        "a volume on disk has no limit here: leave it out, or say medium: Memory",
      );
    this.#mounts.push({ type: "volume", target, readOnly });
  }
}

interface FileItem {
  readonly key: string;
  readonly path: string;
  readonly mode: number | undefined;
}

/** `items`, else all keys. */
function filesIn(source: Fields, held: Payload): readonly FileItem[] {
  const chosen = source.list("items");
  if (chosen === undefined) return [...held.keys()].map((key) => ({ key, path: key, mode: undefined }));
  const optional = source.flag("optional") === true;
  return source.each("items").map((item) => {
    const key = item.text("key") ?? "";
    const path = item.text("path") ?? "";
    if (path === "" || path.startsWith("/") || path.split("/").includes(".."))
      throw problem(item.tree.place, `${item.path}.path`, `a relative path without .. is expected, not ${shown(path)}`);
    if (!held.has(key) && !optional)
      throw problem(item.tree.place, `${item.path}.key`, `there is no key ${shown(key)}`);
    return { key, path, mode: item.number("mode") };
  });
}
