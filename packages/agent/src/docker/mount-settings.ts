import { ClusterError } from "@murmur/base";
import type { ContainerSpec, Mount } from "@murmur/model";
import type { MountSettings } from "dockerode";
import { volumeLabels } from "../labels.ts";
import type { NodeContext } from "../ports.ts";

/** Of the engine's API: 1.45 is `[1, 45]`. */
export type ApiVersion = readonly [major: number, minor: number];

/** A mount as the engine is asked for it. */
export function mountSettings(mount: Mount, node: NodeContext): MountSettings {
  const settings = {
    Type: mount.kind,
    Source: mount.source ?? "",
    Target: mount.target,
    ReadOnly: mount.readOnly,
  };
  switch (mount.kind) {
    case "bind":
      return { ...settings, ...bindOptions(mount) };
    case "volume":
      return { ...settings, VolumeOptions: volumeOptions(mount, node) };
    case "tmpfs":
      return {
        ...settings,
        TmpfsOptions: { SizeBytes: mount.tmpfsSizeBytes ?? 0, Mode: mount.tmpfsMode ?? 0o1777 },
      };
    case "image":
      return settings;
  }
}

function bindOptions(mount: Mount): Pick<MountSettings, "BindOptions"> {
  const options = {
    ...(mount.bindPropagation !== undefined && { Propagation: mount.bindPropagation }),
    ...(mount.bindNonRecursive === true && { NonRecursive: true }),
    ...(mount.bindCreateSource === true && { CreateMountpoint: true }),
    ...(mount.bindReadOnly === "non-recursive" && { ReadOnlyNonRecursive: true }),
    ...(mount.bindReadOnly === "force-recursive" && { ReadOnlyForceRecursive: true }),
  };
  // The types ask for a propagation, which the engine has a default of.
  return Object.keys(options).length === 0 ? {} : { BindOptions: options as NonNullable<MountSettings["BindOptions"]> };
}

function volumeOptions(mount: Mount, node: NodeContext): NonNullable<MountSettings["VolumeOptions"]> {
  const isNamed = (mount.source ?? "") !== "";
  return {
    NoCopy: mount.volumeNoCopy ?? false,
    Labels: { ...mount.volumeLabels, ...(isNamed && volumeLabels(node)) },
    DriverConfig: { Name: mount.volumeDriver?.name ?? "", Options: { ...mount.volumeDriver?.options } },
    ...(mount.volumeSubpath !== undefined && { Subpath: mount.volumeSubpath }),
  };
}

/** What engines know from some version of their API on: an older one would mount something else without a word. */
const NEWER: readonly (readonly [what: string, since: ApiVersion, isAsked: (mount: Mount) => boolean])[] = [
  ["bind-create-src", [1, 42], (mount) => mount.bindCreateSource === true],
  ["bind-recursive", [1, 44], (mount) => mount.bindReadOnly !== undefined],
  ["volume-subpath", [1, 45], (mount) => mount.volumeSubpath !== undefined],
  ["type=image", [1, 48], (mount) => mount.kind === "image"],
];

/** Errors: `unsupported` with what this engine can't do. `version`: what is spoken with it. */
export function checkMounts({ mounts = [] }: ContainerSpec, version: ApiVersion): void {
  for (const [what, since, isAsked] of NEWER) {
    const mount = mounts.find(isAsked);
    if (mount === undefined || isAtLeast(version, since)) continue;
    const why = `mount at ${mount.target}: ${what} needs an engine with API ${since.join(".")}`;
    throw new ClusterError("unsupported", `${why}, this node's has ${version.join(".")}: update it, or leave it out`);
  }
}

const isAtLeast = ([major, minor]: ApiVersion, [majorMin, minorMin]: ApiVersion): boolean =>
  major > majorMin || (major === majorMin && minor >= minorMin);
