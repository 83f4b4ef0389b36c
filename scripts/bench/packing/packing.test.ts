import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Baseline, BASELINES } from "./baselines.ts";
import { OwnScheduler } from "./cluster.ts";
import { fewestNodes, lowerBound } from "./fewest-nodes.ts";
import { arrivals, pack } from "./packing-run.ts";
import { readTasks, type Amounts } from "./trace.ts";

const MIXED: readonly Amounts[] = Array.from({ length: 30 }, (_, at) =>
  at % 3 === 0 ? [32_000, 65_536, 0] : [32_000, 131_072, at % 3 === 1 ? 4_000 : 8_000],
);
const TASKS: readonly Amounts[] = [
  [4_000, 8_192, 1_000],
  [2_000, 16_384, 500],
  [8_000, 4_096, 0],
  [12_000, 32_768, 2_000],
];

describe("packing", () => {
  it("lets tasks arrive until they ask for so much, the same for the same seed", () => {
    const some = (seed: number) => arrivals(TASKS, MIXED, { random: new SeededRandom(seed), share: 1.3 });
    const asked = some(1).reduce((sum, [, , gpu]) => sum + gpu, 0);
    expect(asked).toBeGreaterThanOrEqual(1.3 * 120_000);
    expect(asked).toBeLessThan(1.3 * 120_000 + 2_000);
    expect(some(1)).toEqual(some(1));
    expect(some(1)).not.toEqual(some(2));
  });

  it("gives no node more than it has, whoever places", () => {
    const arriving = arrivals(TASKS, MIXED, { random: new SeededRandom(3), share: 1.3 });
    const random = new SeededRandom(4);
    const placers = [
      ...Object.values(BASELINES).map((score) => new Baseline(MIXED, score(random))),
      new OwnScheduler(MIXED, "binpack"),
      new OwnScheduler(MIXED, "spread"),
    ];
    for (const placer of placers) {
      const left = MIXED.map((node) => [...node]);
      let refused = 0;
      for (const task of arriving) {
        const place = placer.place(task);
        const node = place === undefined ? undefined : left[place];
        if (node === undefined) refused += 1;
        else for (const [at, amount] of task.entries()) node[at] = (node[at] ?? 0) - amount;
      }
      expect(Math.min(...left.flat())).toBeGreaterThanOrEqual(0);
      expect(refused).toBeGreaterThan(0);
    }
  });

  it("fills more with binpack, and is more even with spread, than tasks at random", () => {
    const arriving = arrivals(TASKS, MIXED, { random: new SeededRandom(5), share: 1.3 });
    const random = BASELINES["random"]?.(new SeededRandom(6)) ?? (() => 0);
    const chance = pack(MIXED, arriving, new Baseline(MIXED, random));
    const binpack = pack(MIXED, arriving, new OwnScheduler(MIXED, "binpack"));
    const spread = pack(MIXED, arriving, new OwnScheduler(MIXED, "spread"));
    expect(binpack.allocated[2]).toBeGreaterThan(chance.allocated[2]);
    expect(spread.loadDeviation).toBeLessThan(chance.loadDeviation);
  });

  it("finds how few nodes are enough", () => {
    const nodes: readonly Amounts[] = Array.from({ length: 5 }, () => [4_000, 4_096, 1_000]);
    const tasks: readonly Amounts[] = Array.from({ length: 6 }, () => [2_000, 1_024, 500]);
    expect(lowerBound(nodes, tasks)).toBe(3);
    expect(fewestNodes(nodes, tasks)).toBe(3);
    expect(fewestNodes(nodes, [[8_000, 1, 0]])).toBeUndefined();
  });
});

describe("a list of tasks", () => {
  let folder = "";
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "packing-"))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const read = (text: string): readonly Amounts[] => {
    const file = join(folder, "tasks.csv");
    writeFileSync(file, text);
    return readTasks(file);
  };

  it("is read by the names of its columns, in any order", () => {
    expect(read("gpu_milli,name,num_gpu,memory_mib,cpu_milli\n250,a,1,20,10\n1000,b,2,40,30\n0,c,0,1,2\n")).toEqual([
      [10, 20, 250],
      [30, 40, 2_000],
      [2, 1, 0],
    ]);
  });

  it.each([
    ["cpu_milli,memory_mib\n1,2\n", /no column num_gpu, gpu_milli/],
    ["cpu_milli,memory_mib,num_gpu,gpu_milli\n", /no rows/],
    ["cpu_milli,memory_mib,num_gpu,gpu_milli\n1,x,1,1\n", /line 2: memory_mib is x/],
    ["cpu_milli,memory_mib,num_gpu,gpu_milli\n1,-2,1,1\n", /line 2: memory_mib is -2/],
    ["cpu_milli,memory_mib,num_gpu,gpu_milli\n1,2,0,0\n", /no task asks for a GPU/],
  ])("that can't be used is refused with one line: %s", (text, problem) => {
    expect(() => read(text)).toThrow(problem);
  });

  it("that isn't there is named", () => {
    expect(() => readTasks(join(folder, "none.csv"))).toThrow(/can't read the task trace \(ENOENT/);
  });
});
