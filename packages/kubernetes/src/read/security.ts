import type { Fields } from "@murmur/compose";

interface Security {
  readonly user?: string;
  readonly readOnly?: boolean;
  readonly privileged?: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly groups: readonly string[];
  readonly sysctls: ReadonlyMap<string, string>;
}

/** `securityContext` of the container, over that of the pod. */
export function readSecurity(pod: Fields, container: Fields): Security {
  const [outer, inner] = [pod.fields("securityContext"), container.fields("securityContext")];
  const outerIds = { user: outer?.number("runAsUser"), group: outer?.number("runAsGroup") };
  const innerIds = { user: inner?.number("runAsUser"), group: inner?.number("runAsGroup") };
  const [user, group] = [innerIds.user ?? outerIds.user, innerIds.group ?? outerIds.group];
  for (const fields of [outer, inner]) {
    const wanted = fields?.flag("runAsNonRoot") === true;
    if (wanted && (user ?? 0) === 0)
      fields.leave("runAsNonRoot", fields.tree, "nobody looks who an image runs as: say runAsUser");
  }
  if (inner?.flag("allowPrivilegeEscalation") === false)
    inner.leave(
      "allowPrivilegeEscalation",
      inner.tree,
      "tasks can't be kept from gaining privileges here: leave it out",
    );
  for (const fields of [outer, inner]) {
    const profile = fields?.tree.entries.get("seccompProfile");
    const type = profile?.kind === "mapping" ? profile.entries.get("type") : undefined;
    // The engine's own profile is what every container has.
    if (type?.kind === "scalar" && type.text === "RuntimeDefault") fields?.take("seccompProfile");
  }
  const [readOnly, privileged] = [inner?.flag("readOnlyRootFilesystem"), inner?.flag("privileged")];
  const capabilities = inner?.fields("capabilities");
  const groups = (outer?.list("supplementalGroups") ?? []).flatMap((tree) =>
    tree.kind === "scalar" ? [tree.text] : [],
  );
  return {
    ...((user !== undefined || group !== undefined) && {
      user: group === undefined ? `${user}` : `${user ?? 0}:${group}`,
    }),
    ...(readOnly !== undefined && { readOnly }),
    ...(privileged !== undefined && { privileged }),
    capAdd: capabilities?.texts("add") ?? [],
    capDrop: capabilities?.texts("drop") ?? [],
    groups,
    sysctls: new Map((outer?.each("sysctls") ?? []).map((one) => [one.text("name") ?? "", one.text("value") ?? ""])),
  };
}
