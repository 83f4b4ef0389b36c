import { invalid } from "../argument-error.ts";

const SUFFIXES = ["", "k", "m", "g", "t", "p"] as const;

/** `512M`, `1.5g`, `64MiB`, `1024`: bytes, every unit a power of 1,024. Errors: `invalid_argument`. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  const power = SUFFIXES.findIndex((suffix) => suffix === match?.[2]?.toLowerCase());
  const bytes = Math.floor(Number(match?.[1]) * 1024 ** power);
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw invalid(`invalid size '${text}': give a number and a unit, such as 512M or 1.5G`);
  }
  return bytes;
}
