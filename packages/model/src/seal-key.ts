import type { Millis } from "@murmur/base";
import type { Cluster } from "./cluster.ts";
import { loginSealId, UNLOCK_KEY_SEAL_ID, type Secret, type Sealed } from "./payload.ts";
import type { Service } from "./service.ts";

/** A key of secrets, by what tells nothing of it. The key itself is with the managers, and in no record. */
export interface SealKeyName {
  /** What all that it has sealed shows; no other key that is around shows the same. */
  readonly hint: number;
  readonly digest: string;
}

/**
 * The key that secrets, logins and the unlock key are to be sealed with. Invariant: whatever is sealed, all managers have
 * its key.
 *
 * - `hold`: all managers are to have the key; things are sealed with the one of before.
 * - `seal`: all have it, seal with it, and what another one has sealed is sealed anew. Then other keys are dropped.
 */
export interface SealKeyState extends SealKeyName {
  readonly phase?: "hold" | "seal";
  /** When this phase, or the time after all, began. */
  readonly steppedAt: Millis;
}

/** How long keys of before are kept once nothing needs them: what says so is on the disks of most managers by then. */
export const SEAL_KEYS_KEPT_MS: Millis = 60_000;
/** After a rotation no other begins for so long: the keys of before are to be gone. */
export const SEAL_KEY_REST_MS: Millis = 2 * SEAL_KEYS_KEPT_MS;

/** The key that everything new must be sealed with; undefined: any that managers have. */
export const requiredSealKey = ({ sealKey }: Pick<Cluster, "sealKey">): SealKeyState | undefined =>
  sealKey?.phase === "hold" ? undefined : sealKey;

/** The hint in what is sealed: its second byte. */
export function sealHintIn(sealed: string): number {
  const digit = (at: number): number => BASE64.indexOf(sealed.charAt(at));
  return ((digit(1) & 0b1111) << 4) | (digit(2) >> 2);
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Where something sealed is kept. */
type SealPlace = "unlockKey" | "secret" | "login" | "previousLogin";

export interface SealedThing extends Sealed {
  readonly place: SealPlace;
  /** Of the object that it belongs to. */
  readonly of: string;
  /** For people. */
  readonly name: string;
}

/** Something that is sealed anew, in the place of what began with `from`. */
export interface ResealedThing {
  readonly place: SealPlace;
  readonly of: string;
  readonly from: string;
  readonly sealed: string;
}

/** So much of something sealed that nothing else begins like it: version, hint and nonce. */
export const sealStart = (sealed: string): string => sealed.slice(0, 18);

/** Things in one command, and characters of them, about: a larger one goes alone. */
export const RESEALED_MAX = 50;
export const RESEALED_CHARS_MAX = 512 * 1024;

interface Records {
  cluster(): Pick<Cluster, "unlockKey"> | undefined;
  secrets(): readonly Secret[];
  services(): readonly Service[];
}

/** All that the managers' keys open. */
export function sealedThings(records: Records): readonly SealedThing[] {
  const { unlockKey } = records.cluster() ?? {};
  const things: SealedThing[] = [];
  if (unlockKey !== undefined)
    things.push({ place: "unlockKey", of: "", id: UNLOCK_KEY_SEAL_ID, sealed: unlockKey, name: "unlock key" });
  for (const { id, sealed, spec } of records.secrets())
    things.push({ place: "secret", of: id, id, sealed, name: `secret ${spec.name}` });
  for (const { id, spec, registryAuth, previousRegistryAuth } of records.services()) {
    const login = { of: id, id: loginSealId(id), name: `login of service ${spec.name}` };
    if (registryAuth !== undefined) things.push({ place: "login", ...login, sealed: registryAuth });
    if (previousRegistryAuth !== undefined)
      things.push({ place: "previousLogin", ...login, sealed: previousRegistryAuth });
  }
  return things;
}

/** What another key than this one has sealed. */
export const sealedOtherwise = (records: Records, { hint }: SealKeyName): readonly SealedThing[] =>
  sealedThings(records).filter(({ sealed }) => sealHintIn(sealed) !== hint);
