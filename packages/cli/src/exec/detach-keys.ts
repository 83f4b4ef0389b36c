import { invalid } from "../argument-error.ts";

/** What Docker detaches by. */
export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` or `a,b`: the bytes that these keys send. Errors: `invalid_argument`. */
export function parseDetachKeys(text: string): Uint8Array {
  const keys = text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\u0020-\u007e]$/.test(key)) return key.charCodeAt(0);
    throw invalid(
      `invalid value for --detach-keys: '${key}' is no key: give letters, or ctrl- and a letter, such as ctrl-p,ctrl-q`,
    );
  });
  return new Uint8Array(keys);
}

/**
 * Passes keys on until the sequence comes; returns whether it came. Keys that may be its beginning are held back until the
 * next one.
 */
export async function* untilDetached(
  input: AsyncIterable<Uint8Array>,
  keys: Uint8Array,
): AsyncGenerator<Uint8Array, boolean, undefined> {
  let held = 0;
  for await (const bytes of input) {
    const passed: number[] = [];
    for (const byte of bytes) {
      if (byte === keys[held]) {
        held += 1;
        if (held < keys.length) continue;
        if (passed.length > 0) yield new Uint8Array(passed);
        return true;
      }
      passed.push(...keys.subarray(0, held));
      held = byte === keys[0] && keys.length > 1 ? 1 : 0;
      if (held === 0) passed.push(byte);
    }
    if (passed.length > 0) yield new Uint8Array(passed);
  }
  if (held > 0) yield keys.slice(0, held);
  return false;
}
