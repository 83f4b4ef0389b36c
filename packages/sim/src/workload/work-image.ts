import type { Program } from "@murmur/agent";
import type { Millis } from "@murmur/base";

const IMAGE = /^work\.example\/(\d+)ms:(\d+)$/;

/** An image whose process works for so long and ends with that exit code: what jobs run. */
export const workImage = (forMs: Millis, exitCode = 0): string => `work.example/${String(forMs)}ms:${String(exitCode)}`;

/** How the process of an image behaves; that of any other runs until it is stopped. */
export function programOf(image: string): Program {
  const [, forMs, exitCode] = IMAGE.exec(image) ?? [];
  return forMs === undefined
    ? { stopAfterMs: 0 }
    : { stopAfterMs: 0, exitAfterMs: Number(forMs), exitCode: Number(exitCode) };
}
