/** A process of its own that runs seeds one after the other until one fails, or its time is up. */
import { messageOf } from "@murmur/base";
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
  let seed = firstSeed;
  const tell = (failure: SeedTried["failure"]): Promise<SeedTried> => {
    const { user, system } = process.cpuUsage();
    const tried: SeedTried = { seed, failure, cpuSeconds: (user + system) / 1e6 };
    return new Promise((resolve) => process.send?.(tried, undefined, undefined, () => resolve(tried)));
  };
  // What nobody catches would end a real process, too.
  const endWith = async (error: unknown): Promise<void> => {
    await tell({ message: messageOf(error), atMs: 0, phase: "faults" });
    process.exit(0);
  };
  process.once("uncaughtException", (error) => void endWith(error));
  for (; seed < firstSeed + seedsMax; seed += 1) {
    const { failure } = await simulate({ ...run, seed });
    const { cpuSeconds } = await tell(failure);
    if (failure !== undefined || cpuSeconds >= cpuSecondsMax) break;
  }
  process.exit(0);
}
