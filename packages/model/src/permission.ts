import type { ContainerSpec, Device } from "./container-spec.ts";

/**
 * What a node's own administrator lets containers of the cluster do on it, beyond what any container may: root on the host
 * comes with it. It is part of the daemon's configuration on that host, so that no manager can grant it.
 */
export interface NodePermissions {
  /** `--privileged`, and with it every device. */
  readonly privileged?: true;
  /** Paths on the host of devices, and of directories with all that is in them. */
  readonly devices?: readonly string[];
}

/** What a container asks for and a node doesn't permit, for people; empty: nothing. */
export function unpermitted(
  { devices = [], privileged }: Pick<ContainerSpec, "devices" | "privileged">,
  permits: NodePermissions = {},
): readonly string[] {
  if (permits.privileged === true) return [];
  const refused = devices.filter(({ source }) => permits.devices?.some((path) => isWithin(source, path)) !== true);
  return [...(privileged === true ? ["privileged"] : []), ...refused.map(({ source }) => `device ${source}`)];
}

/** A path with `..` in it is within nothing. */
const isWithin = (path: string, folder: string): boolean =>
  !path.split("/").includes("..") && (path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`));

/** `/dev/fuse[:/dev/fuse[:rwm]]`; undefined when it isn't of that form. */
export function parseDevice(text: string): Device | undefined {
  const [source = "", second, third, ...more] = text.split(":");
  const isMode = (part: string | undefined): boolean => /^(?!.*(.).*\1)[rwm]{1,3}$/.test(part ?? "");
  // As Docker: one more part may be either.
  const hasMode = third === undefined && isMode(second);
  const target = second === undefined || hasMode ? source : second;
  const permissions = (hasMode ? second : third) ?? "rwm";
  const isPath = (path: string): boolean => /^\/[^\p{C}:]+$/u.test(path) && !path.split("/").includes("..");
  if (more.length > 0 || !isPath(source) || !isPath(target) || !isMode(permissions)) return undefined;
  return { source, target, permissions };
}
