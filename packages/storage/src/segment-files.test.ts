import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { segmentFiles } from "./segment-files.ts";
import { segmentName } from "./segment.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("log files", () => {
  it("hold what was written, however the making of spares coincides with it", async () => {
    await using directory = await temporaryDirectory();
    const marked = Buffer.alloc(4096, "mark");
    for (const segmentBytes of [4096, 70_000, 300_000]) {
      const files = segmentFiles({ directory: directory.path, segmentBytes, log: silentLog });
      for (let sequence = 1; sequence <= 40; sequence += 1) {
        const file = await files.create(sequence);
        await file.write(marked, 0, marked.length, 0);
        // Different moments of the filling that goes on beside.
        for (let turn = 0; turn < sequence % 7; turn += 1) await file.datasync();
        await file.close();
      }
      await files.close();
      for (let sequence = 1; sequence <= 40; sequence += 1) {
        const bytes = await readFile(join(directory.path, segmentName(sequence)));
        expect(bytes.subarray(0, marked.length).equals(marked)).toBe(true);
        expect(bytes.subarray(marked.length).every((byte) => byte === 0)).toBe(true);
      }
      await files.remove(Array.from({ length: 40 }, (_, at) => at + 1));
    }
    expect((await readdir(directory.path)).filter((name) => name !== "spare")).toEqual([]);
  });

  it("goes on without a spare when none can be made", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(join(directory.path, "spare"));
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    const files = segmentFiles({ directory: directory.path, segmentBytes: 4096, log });
    for (const sequence of [1, 2]) await (await files.create(sequence)).close();
    await files.close();
    expect(await readdir(directory.path)).toEqual(expect.arrayContaining([segmentName(1), segmentName(2)]));
    expect(warnings).toContain("cannot prepare the next log file; going on without");
  });
});
