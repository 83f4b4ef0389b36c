import type { Index } from "@murmur/model";
import type { LoggedChange } from "./watch-check.ts";

/** A write that a client was told is done. `value` as in the log; undefined: the object was removed. */
export interface AcknowledgedWrite {
  readonly client: string;
  readonly version: Index;
  readonly id: string;
  readonly value: string | undefined;
}

/**
 * Nothing acknowledged is lost: each such write is in the log of commits, at its version and with its content. One line
 * for each that is not; the first 16.
 */
export function checkAcknowledged(
  writes: readonly AcknowledgedWrite[],
  log: readonly LoggedChange[],
): readonly string[] {
  const logged = new Set(log.map(keyOf));
  const lost = writes.filter((write) => !logged.has(keyOf(write)));
  return lost
    .slice(0, 16)
    .map(
      ({ client, version, id, value }) =>
        `${client} was told that ${id} ${value === undefined ? "was removed" : `is ${value}`} at version ${version}, and the log has no such change`,
    );
}

const keyOf = ({ version, id, value }: Pick<LoggedChange, "version" | "id" | "value">): string =>
  JSON.stringify([version, id, value ?? null]);
