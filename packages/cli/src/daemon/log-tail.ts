import { open } from "node:fs/promises";

const BYTES_MAX = 8_192;

/** The last lines of a file; none when it can't be read. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const length = Math.min(size, BYTES_MAX);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString("utf8").split("\n");
    return lines.filter((line) => line.trim() !== "").slice(-count);
  } catch {
    return [];
  }
}
