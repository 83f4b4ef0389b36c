import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PartedCluster } from "../hosts/partitions.ts";

/** Each kind of partition once; `npm run bench -- partitions` does fifty. */
const ROUNDS = Number(process.env["PARTITION_ROUNDS"] ?? 4);
const LIMIT_MS = 60_000;
let parted: PartedCluster;

beforeAll(async () => {
  parted = await PartedCluster.open();
});
afterAll(() => parted[Symbol.asyncDispose]());

describe("an overlay that is parted while its services change", () => {
  it(
    `is right on every host after each of ${String(ROUNDS)} heals, and every client reaches all tasks and only them`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { partition, problems } = await parted.round({ cutMs: 4_000, limitMs: LIMIT_MS });
        expect({ partition, problems }).toEqual({ partition, problems: [] });
      }
    },
    ROUNDS * (LIMIT_MS + 30_000),
  );
});
