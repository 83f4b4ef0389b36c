import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PartedCluster } from "../hosts/partitions.ts";

/** Three kinds of partition, once each; `npm run bench -- partitions` does fifty, of all kinds. */
const ROUNDS = Number(process.env["PARTITION_ROUNDS"] ?? 3);
/** After a heal tasks are stopped and begun on both sides, and one look at everything takes seconds on a busy machine. */
const LIMIT_MS = 30_000;
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
        const { partition, problems } = await parted.round({ cutMs: 3_000, limitMs: LIMIT_MS });
        expect({ partition, problems }).toEqual({ partition, problems: [] });
      }
    },
    ROUNDS * (LIMIT_MS + 30_000),
  );
});
