import type { Security } from "@murmur/model";

/** What an engine is asked for, in its words; undefined: nothing. */
export function securityOptions(security: Security | undefined): string[] | undefined {
  const { noNewPrivileges, seccomp, apparmor, selinux = {} } = security ?? {};
  const { disabled, ...label } = selinux;
  const options = [
    ...(noNewPrivileges === true ? ["no-new-privileges=true"] : []),
    ...(seccomp === undefined ? [] : [`seccomp=${seccomp.kind === "custom" ? seccomp.profile : seccomp.kind}`]),
    ...(apparmor === undefined ? [] : ["apparmor=unconfined"]),
    ...(disabled === true ? ["label=disable"] : []),
    ...Object.entries(label).map(([part, value]) => `label=${part}:${value}`),
  ];
  return options.length === 0 ? undefined : options;
}
