/** A process of its own that runs seeds one after the other until one fails, or its time is up. */
import { simulate, type RunOptions, type RunResult } from "../run.ts";
import { World } from "../world/world.ts";

/** Handed over in the environment, as JSON. */
export interface SeedOrder {
  readonly run: Omit<RunOptions, "seed" | "trace">;
  readonly firstSeed: number;
  readonly seedsMax: number;
  /** No seed is begun after so much. */
  readonly cpuSecondsMax: number;
}

/** Told for each seed. */
export interface SeedTried {
  readonly seed: number;
  readonly failure: RunResult["failure"];
  /** Of the whole process, since its start. */
  readonly cpuSeconds: number;
}

export const ORDER_VARIABLE = "MURMUR_SIM_SEEDS";

const order = process.env[ORDER_VARIABLE];
if (process.send !== undefined && order !== undefined) await trySeeds(JSON.parse(order) as SeedOrder);

async function trySeeds({ run, firstSeed, seedsMax, cpuSecondsMax }: SeedOrder): Promise<void> {
  await World.warmUp();
  for (let seed = firstSeed; seed < firstSeed + seedsMax; seed += 1) {
    const { failure } = await simulate({ ...run, seed });
    const { user, system } = process.cpuUsage();
    const tried: SeedTried = { seed, failure, cpuSeconds: (user + system) / 1e6 };
    await new Promise<void>((told) => process.send?.(tried, undefined, undefined, () => told()));
    if (failure !== undefined || tried.cpuSeconds >= cpuSecondsMax) break;
  }
  process.exit(0);
}
