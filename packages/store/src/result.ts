import type { ErrorCode } from "@murmur/base";
import type { Index } from "@murmur/model";

/** Why a command was refused. `message` is one line for people. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What became of a command. `id` is the object's that the command made or changed, where there is one. */
export type ApplyResult = { readonly ok: true; readonly id?: string; readonly version: Index } | Refusal;

export function refused(code: ErrorCode, message: string): Refusal {
  return { ok: false, code, message };
}
