import type { Mount } from "@murmur/api";
import type { ComposeMount, ComposeVolume } from "@murmur/compose";
import { invalid } from "../../argument-error.ts";
import { scoped, STACK_LABEL } from "../stack-name.ts";

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

/** A service's mounts; volumes of the file are made on each node by the first task that uses them. */
export const mountsOf = (
  mounts: readonly ComposeMount[],
  stack: string,
  volumes: ReadonlyMap<string, ComposeVolume>,
): Mount[] => mounts.flatMap((mount) => mountOf(mount, stack, volumes));

function mountOf(mount: ComposeMount, stack: string, volumes: ReadonlyMap<string, ComposeVolume>): readonly Mount[] {
  const base = { Target: mount.target, ...(mount.readOnly && { ReadOnly: true }) };
  switch (mount.type) {
    case "volume":
      return [{ ...base, Type: "volume", ...volumeOf(mount, stack, volumes) }];
    case "bind":
      return [{ ...base, Type: "bind", Source: mount.source ?? "", ...bindOf(mount) }];
    case "tmpfs":
      return [{ ...base, Type: "tmpfs", ...tmpfsOf(mount) }];
    case "image":
      return [{ ...base, Type: "image", Source: mount.source ?? "" }];
    case "npipe":
    case "cluster":
      // Refused before, unless the user wants to do without.
      return [];
  }
}

type VolumeMount = Pick<Mount, "Source" | "VolumeOptions">;

function volumeOf(mount: ComposeMount, stack: string, volumes: ReadonlyMap<string, ComposeVolume>): VolumeMount {
  const { source } = mount;
  const own = {
    ...(mount.volume?.nocopy === true && { NoCopy: true }),
    ...(mount.volume?.subpath !== undefined && { Subpath: mount.volume.subpath }),
  };
  const withOptions = (options: NonNullable<Mount["VolumeOptions"]>): VolumeMount =>
    Object.keys(options).length === 0 ? {} : { VolumeOptions: options };
  if (source === undefined || source === "") return withOptions(own);
  const volume = volumes.get(source);
  if (volume === undefined) throw invalid(`volumes.${source}: a service mounts it, and the file has no such volume`);
  if (volume.external) return { Source: volume.name ?? source, ...withOptions(own) };
  const { driver, driverOptions, labels } = volume;
  const hasDriver = driver !== undefined || driverOptions.size > 0;
  return {
    Source: volume.name ?? scoped(stack, source),
    VolumeOptions: {
      ...own,
      Labels: { ...Object.fromEntries(labels), [STACK_LABEL]: stack },
      ...(hasDriver && {
        DriverConfig: { ...(driver !== undefined && { Name: driver }), Options: Object.fromEntries(driverOptions) },
      }),
    },
  };
}

function bindOf({ bind, target }: ComposeMount): Pick<Mount, "BindOptions"> {
  const propagation = PROPAGATIONS.find((word) => word === bind?.propagation);
  if (bind?.propagation !== undefined && bind.propagation !== "" && propagation === undefined) {
    const words = PROPAGATIONS.join(", ");
    throw invalid(`volumes[${target}].bind.propagation: '${bind.propagation}' is none of ${words}`);
  }
  const options = {
    ...(propagation !== undefined && { Propagation: propagation }),
    ...(bind?.createHostPath === true && { CreateMountpoint: true }),
  };
  return Object.keys(options).length === 0 ? {} : { BindOptions: options };
}

function tmpfsOf({ tmpfs }: ComposeMount): Pick<Mount, "TmpfsOptions"> {
  const options = {
    ...(tmpfs?.sizeBytes !== undefined && { SizeBytes: tmpfs.sizeBytes }),
    ...(tmpfs?.mode !== undefined && { Mode: tmpfs.mode }),
  };
  return Object.keys(options).length === 0 ? {} : { TmpfsOptions: options };
}
