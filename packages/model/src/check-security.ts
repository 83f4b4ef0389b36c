import { object, oneOf, optional, text, type Check } from "./check.ts";
import type { Security, SelinuxLabel } from "./security.ts";

const PROFILE_LENGTH_MAX = 131_072;

const oneTrue: Check = (value, path, report) => {
  if (value !== true) report(path, "must be true, or left out");
};
const labelPart = text({ min: 1, max: 1_024, pattern: /^[^\s\p{C}]+$/u, says: "a part of an SELinux label" });

/** A profile is an object of JSON; what is in it the engine reads. */
const profile: Check = (value, path, report) => {
  if (typeof value !== "string" || value.length > PROFILE_LENGTH_MAX || !isObject(value))
    report(path, `must be a seccomp profile: JSON of ${String(PROFILE_LENGTH_MAX)} characters at the most`);
};

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const unconfined = object<{ readonly kind: string }>({ kind: oneOf(["unconfined"]) });
const custom = object<{ readonly kind: string; readonly profile: string }>({ kind: oneOf(["custom"]), profile });
const seccomp: Check = (value, path, report) => {
  const isCustom = typeof value === "object" && value !== null && "kind" in value && value.kind === "custom";
  (isCustom ? custom : unconfined)(value, path, report);
};

export const security: Check = object<Security>({
  noNewPrivileges: optional(oneTrue),
  seccomp: optional(seccomp),
  apparmor: optional(oneOf(["disabled"])),
  selinux: optional(
    object<SelinuxLabel>({
      disabled: optional(oneTrue),
      user: optional(labelPart),
      role: optional(labelPart),
      type: optional(labelPart),
      level: optional(labelPart),
    }),
  ),
});
