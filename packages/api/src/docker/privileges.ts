import { ClusterError } from "@murmur/base";
import type { Security } from "@murmur/model";
import { z } from "zod";
import { compact } from "./compact.ts";
import type * as docker from "./container-types.ts";
import { dockerObject, unsupported } from "./lenient-object.ts";

const label = z.string().max(1_024).optional();

export const privilegesSchema = dockerObject({
  CredentialSpec: unsupported("only Windows has credential specs; leave it out"),
  SELinuxContext: dockerObject({
    Disable: z.boolean().optional(),
    User: label,
    Role: label,
    Type: label,
    Level: label,
  }).optional(),
  Seccomp: dockerObject({
    Mode: z.enum(["", "default", "unconfined", "custom"], "must be default, unconfined or custom").optional(),
    // Base64 of the profile's JSON.
    Profile: z.base64("must be base64").max(262_144).optional(),
  }).optional(),
  AppArmor: dockerObject({
    Mode: z.enum(["", "default", "disabled"], "must be default or disabled").optional(),
  }).optional(),
  NoNewPrivileges: z.boolean().optional(),
});

type Input = z.infer<typeof privilegesSchema>;

/** Docker's JSON to the model; undefined when it asks for nothing that isn't so anyway. Errors: `invalid_argument`. */
export function toSecurity(input: Input | undefined): Security | undefined {
  const { Disable, User, Role, Type, Level } = input?.SELinuxContext ?? {};
  const selinux = compact<NonNullable<Security["selinux"]>>({
    disabled: Disable || undefined,
    user: User || undefined,
    role: Role || undefined,
    type: Type || undefined,
    level: Level || undefined,
  });
  const security = compact<Security>({
    noNewPrivileges: input?.NoNewPrivileges || undefined,
    seccomp: toSeccomp(input?.Seccomp),
    apparmor: input?.AppArmor?.Mode === "disabled" ? "disabled" : undefined,
    selinux: Object.keys(selinux).length === 0 ? undefined : selinux,
  });
  return Object.keys(security).length === 0 ? undefined : security;
}

function toSeccomp(input: Input["Seccomp"]): Security["seccomp"] {
  const { Mode: mode = "", Profile: profile = "" } = input ?? {};
  if (mode !== "custom") {
    if (profile !== "") throw invalid("Profile: goes with the Mode custom only");
    return mode === "unconfined" ? { kind: "unconfined" } : undefined;
  }
  if (profile === "") throw invalid("Profile: must be given with the Mode custom");
  return { kind: "custom", profile: Buffer.from(profile, "base64").toString("utf8") };
}

const invalid = (problem: string): ClusterError =>
  new ClusterError("invalid_argument", `TaskTemplate.ContainerSpec.Privileges.Seccomp.${problem}`);

/** The model to Docker's JSON. */
export function fromSecurity({ noNewPrivileges, seccomp, apparmor, selinux }: Security): docker.Privileges {
  return compact<docker.Privileges>({
    CredentialSpec: null,
    SELinuxContext:
      selinux === undefined
        ? null
        : {
            Disable: selinux.disabled === true,
            User: selinux.user ?? "",
            Role: selinux.role ?? "",
            Type: selinux.type ?? "",
            Level: selinux.level ?? "",
          },
    Seccomp: seccomp && fromSeccomp(seccomp),
    AppArmor: apparmor && { Mode: apparmor },
    NoNewPrivileges: noNewPrivileges,
  });
}

const fromSeccomp = (seccomp: NonNullable<Security["seccomp"]>): NonNullable<docker.Privileges["Seccomp"]> =>
  seccomp.kind === "unconfined"
    ? { Mode: "unconfined" }
    : { Mode: "custom", Profile: Buffer.from(seccomp.profile).toString("base64") };
