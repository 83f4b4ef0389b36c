import { integer, object, oneOf, optional, text, type Check } from "./check.ts";
import { LIMITS } from "./limits.ts";
import { labels, objectId } from "./names.ts";
import type { ResealedThing } from "./seal-key.ts";
import type { SecretSpec } from "./payload.ts";
import type { ConfigReference, FileTarget, SecretReference } from "./payload-file.ts";

/** Docker's rule, in its words. */
const name = text({
  min: 1,
  max: 64,
  pattern: /^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/,
  says: "only 64 [a-zA-Z0-9-_.] characters, and the start and end character must be [a-zA-Z0-9]",
});

export const payload: Check = object<SecretSpec>({ name, labels, templating: optional(oneOf(["golang"])) });

const base64 = (bytes: number): Check =>
  text({ min: 1, max: 4 * Math.ceil(bytes / 3), pattern: /^[A-Za-z0-9+/]+={0,2}$/, says: "base64 of an allowed size" });

/** What sealing adds stays below this. */
const SEAL_BYTES_MAX = 64;
export const sealedText: Check = base64(LIMITS.secretBytes + SEAL_BYTES_MAX);
export const sealedLogin: Check = base64(LIMITS.registryAuthBytes + SEAL_BYTES_MAX);
export const sealedLoginOrNone: Check = (value, path, report) => {
  if (value !== "") sealedLogin(value, path, report);
};
export const configText: Check = base64(LIMITS.configBytes);

export const resealed: Check = object<ResealedThing>({
  place: oneOf(["unlockKey", "secret", "login", "previousLogin"]),
  of: (value, path, report) => {
    if (value !== "") objectId(value, path, report);
  },
  from: text({ min: 1, max: 32 }),
  sealed: base64(LIMITS.secretBytes + SEAL_BYTES_MAX),
});

const fileName = text({
  min: 1,
  max: 4_096,
  pattern: /^(?!.*(^|\/)\.\.$)(?!.*\/$)[^\p{C}]+$/u,
  says: "a file's name or path",
});
const owner = integer(0, 0xffff_ffff);

const file = object<FileTarget>({ name: fileName, uid: owner, gid: owner, mode: integer(0, 0o7777) });

export const secretReference: Check = object<SecretReference>({ secretId: objectId, secretName: name, file });
export const configReference: Check = object<ConfigReference>({ configId: objectId, configName: name, file });
