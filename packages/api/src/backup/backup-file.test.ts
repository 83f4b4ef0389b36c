import { ClusterError } from "@murmur/base";
import { array, assert, asyncProperty, integer, nat, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { checkBackup, encodeBackup, openBackup, type BackupHeader } from "./backup-file.ts";

const header: BackupHeader = {
  clusterId: "c1",
  clusterName: "default",
  index: 42,
  term: 3,
  generation: 0,
  takenAt: 1_700_000_000_000,
  murmurVersion: "0.1.0",
  counts: { nodes: 3, services: 2, tasks: 9 },
};

async function encoded(chunks: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeBackup(header, chunks)) parts.push(part);
  return Buffer.concat(parts);
}

/** The bytes as a stream that is cut anywhere. */
async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decoded(bytes: Uint8Array, size = 1_000): Promise<{ header: BackupHeader; content: Buffer }> {
  const opened = await openBackup(cut(bytes, size));
  const parts: Uint8Array[] = [];
  for await (const part of opened.chunks) parts.push(part);
  return { header: opened.header, content: Buffer.concat(parts) };
}

const problem = async (bytes: Uint8Array): Promise<ClusterError> => {
  const error: unknown = await checkBackup(cut(bytes, 100)).catch((thrown: unknown) => thrown);
  if (error instanceof ClusterError) return error;
  throw new Error("it was taken for whole");
};

const chunksOf = array(uint8Array({ maxLength: 300 }), { maxLength: 8 });

describe("a backup", () => {
  it("gives back what was put in, however its bytes arrive", async () => {
    await assert(
      asyncProperty(chunksOf, integer({ min: 1, max: 2_000 }), async (chunks, size) => {
        const { header: read, content } = await decoded(await encoded(chunks), size);
        expect(read).toEqual(header);
        expect(content.equals(Buffer.concat(chunks))).toBe(true);
      }),
    );
  });

  it("takes chunks that are all views of one buffer, each valid until the next is asked for", async () => {
    function* reused(): Generator<Uint8Array> {
      const buffer = new Uint8Array(100);
      for (let number = 1; number <= 5; number += 1) yield buffer.fill(number);
    }
    const file: Uint8Array[] = [];
    for await (const part of encodeBackup(header, reused())) file.push(part);
    const { content } = await decoded(Buffer.concat(file));
    expect([...content]).toEqual(Array.from({ length: 500 }, (_, at) => 1 + Math.floor(at / 100)));
  });

  it("splits what is larger than a piece may be", async () => {
    const big = new Uint8Array(9 * 1024 * 1024).fill(7);
    expect((await decoded(await encoded([big]), 65_536)).content).toHaveLength(big.length);
  });

  it("notices any damaged byte, and any end that comes too early", async () => {
    const whole = await encoded([new Uint8Array(200).fill(1), new Uint8Array(200).fill(2)]);
    await assert(
      asyncProperty(nat(whole.length - 1), integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        expect(["corrupt", "invalid_argument", "incompatible_version"]).toContain((await problem(damaged)).code);
        expect(["corrupt", "invalid_argument"]).toContain((await problem(whole.subarray(0, at))).code);
      }),
    );
  });

  it("says in one line where it is damaged", async () => {
    const whole = await encoded([new Uint8Array(200).fill(1)]);
    const damaged = Buffer.from(whole);
    damaged[whole.length - 100] = 9;
    expect((await problem(damaged)).message).toMatch(/^the backup is damaged at byte \d+: its checksum is wrong; use/);
    expect((await problem(whole.subarray(0, 220))).message).toMatch(/not complete: it ends at byte \d+/);
    expect((await problem(Buffer.concat([whole, Buffer.from("x")]))).message).toMatch(/something follows its end/);
  });

  it("notices pieces that were swapped", async () => {
    const one = await encoded([new Uint8Array(50).fill(1), new Uint8Array(50).fill(2)]);
    const start = one.length - 41 - 2 * 59;
    const swapped = Buffer.concat([
      one.subarray(0, start),
      one.subarray(start + 59, start + 118),
      one.subarray(start, start + 59),
      one.subarray(start + 118),
    ]);
    expect((await problem(swapped)).code).toBe("corrupt");
  });

  it("refuses what is no backup, and what a newer version wrote", async () => {
    expect((await problem(Buffer.from("no backup at all"))).message).toBe("this is no backup of a Murmur cluster");
    expect((await problem(Buffer.alloc(0))).code).toBe("invalid_argument");
    const newer = Buffer.from(await encoded([]));
    newer.writeUInt16BE(2, 8);
    expect(await problem(newer)).toMatchObject({ code: "incompatible_version" });
  });
});
