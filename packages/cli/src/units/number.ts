import { invalid } from "../argument-error.ts";

/** A whole number that is not negative. Errors: `invalid_argument`. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw invalid(`invalid number '${text}': give a whole number, 0 or more`);
  }
  return count;
}

/** A share between 0 and 1. Errors: `invalid_argument`. */
export function parseRatio(text: string): number {
  const ratio = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || ratio > 1) throw invalid(`invalid ratio '${text}': give a number from 0 to 1`);
  return ratio;
}

/** A TCP or UDP port; 0 where `least` allows it. Errors: `invalid_argument`. */
export function parsePort(text: string, least = 1): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535 || port < least) {
    throw invalid(`invalid port '${text}': give a number from ${String(least)} to 65535`);
  }
  return port;
}
