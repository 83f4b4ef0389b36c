import { randomBytes } from "node:crypto";

/** Bytes as one number in base 36, padded to a fixed length: 32 bytes take 50 characters. */
export function toBase36(bytes: Uint8Array, length: number): string {
  const hex = Buffer.from(bytes).toString("hex");
  return BigInt(`0x${hex}`).toString(36).padStart(length, "0");
}

/** Random text in base 36: each character is worth 5.17 bits. */
export function randomBase36(length: number): string {
  const bytes = Math.ceil((length * Math.log2(36)) / 8) + 8;
  // The eight bytes too many make the last character as even as the others.
  return toBase36(randomBytes(bytes), length).slice(-length);
}
