import { ClusterError } from "@murmur/base";
import type { Index } from "@murmur/model";

/** `?version=`: what an update was based on. `what` names the object in the error, as Docker's message does. */
export function versionQuery(text: string | undefined, what: string): Index {
  const version = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (version !== undefined) return version;
  throw new ClusterError("invalid_argument", `invalid ${what} version '${text ?? ""}': give the version that was read`);
}

const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** A flag that Docker parses strictly. Errors: `invalid_argument`. */
export function strictFlag(text: string | undefined, name: string): boolean {
  if (text === undefined || text === "" || FALSE.includes(text)) return false;
  if (TRUE.includes(text)) return true;
  throw new ClusterError("invalid_argument", `invalid value for ${name}: ${text}`);
}

/** A flag that Docker parses loosely: anything but a few words of denial is a yes. */
export function looseFlag(text: string | undefined): boolean {
  const word = (text ?? "").trim().toLowerCase();
  return !["", "0", "no", "false", "none"].includes(word);
}
