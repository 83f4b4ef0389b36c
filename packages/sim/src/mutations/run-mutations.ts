import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTATIONS } from "./list.ts";
import type { Mutation } from "./mutation.ts";
import { ORDER_VARIABLE, type SeedOrder, type SeedTried } from "./try-seeds.ts";

const FIRST_SEED = 1;
/** A defect that isn't found within so much is not found. */
const CPU_SECONDS_MAX = 60;
/** For a defect that makes a run never end: the machine may be busy, but not as much as that. */
const WALL_MS_MAX = 15 * 60_000;
const AT_ONCE = 2;
const FAULT_SECONDS = 60;
const INSTALL = join(import.meta.dirname, "install.ts");
const TRY_SEEDS = join(import.meta.dirname, "try-seeds.ts");

interface Outcome {
  readonly mutation: Mutation;
  /** Which check spoke, and in which phase; undefined: none did. */
  readonly caughtBy: string | undefined;
  /** The last one. */
  readonly seed: number;
  readonly seeds: number;
  readonly cpuSeconds: number;
}

/**
 * `npm run sim -- --mutations [--only NAME]…`: puts each known defect in, and runs seeds until one fails. A find counts
 * only if that seed passes without the defect. Returns the exit code: 1 when a defect isn't found.
 */
export async function runMutations(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { mutations: { type: "boolean" }, only: { type: "string", multiple: true } },
  });
  const { only } = values;
  const unknown = only?.find((name) => !MUTATIONS.some((mutation) => mutation.name === name));
  if (unknown !== undefined) {
    console.error(`no mutation ${unknown}; there are:\n${MUTATIONS.map(({ name }) => `  ${name}`).join("\n")}`);
    return 2;
  }
  const wanted = MUTATIONS.filter(({ name }) => only?.includes(name) ?? true);
  const outcomes: Outcome[] = [];
  console.log(row(["mutation", "seed", "seeds", "CPU s", "caught by"]));
  const waiting = [...wanted];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
        const outcome = await tryMutation(mutation);
        outcomes.push(outcome);
        show(outcome);
      }
    }),
  );
  const caught = outcomes.filter(({ caughtBy }) => caughtBy !== undefined);
  for (const { mutation, caughtBy } of outcomes)
    if (caughtBy === undefined) console.log(`not caught: ${mutation.name}: ${mutation.defect}`);
  const figures = {
    mutations: outcomes.length,
    caught: caught.length,
    slowest_cpu_s: Math.max(0, ...caught.map(({ cpuSeconds }) => rounded(cpuSeconds))),
  };
  console.log(JSON.stringify({ bench: "sim-mutations", runs: outcomes.length, figures }));
  return caught.length === outcomes.length ? 0 : 1;
}

/** Seeds that fail without the defect as well tell nothing; they are passed over. */
async function tryMutation(mutation: Mutation): Promise<Outcome> {
  const { profile, nodes, frequentSnapshots = false, faultSeconds = FAULT_SECONDS } = mutation;
  const run = { profile, nodes, frequentSnapshots, faultMs: faultSeconds * 1_000 };
  let [seed, cpuSeconds] = [FIRST_SEED, 0];
  for (;;) {
    const cpuSecondsMax = CPU_SECONDS_MAX - cpuSeconds;
    const order = { run, firstSeed: seed, seedsMax: 1_000_000, cpuSecondsMax };
    const end = await trySeeds(order, { MURMUR_SIM_MUTATION: mutation.name });
    cpuSeconds += end.cpuSeconds;
    seed = end.seed;
    const done = { mutation, seed, seeds: seed - FIRST_SEED + 1, cpuSeconds };
    if (end.problem === undefined || cpuSeconds > CPU_SECONDS_MAX) return { ...done, caughtBy: undefined };
    const env = { MURMUR_SIM_MUTATION: mutation.name, MURMUR_SIM_SETTING_ONLY: "1" };
    const without = await trySeeds({ ...order, firstSeed: seed, seedsMax: 1 }, env);
    if (without.problem === undefined) return { ...done, caughtBy: end.problem };
    console.log(`${mutation.name}: seed ${String(seed)} fails without it, too: ${without.problem}`);
    seed += 1;
  }
}

interface SeedsEnd {
  /** The last one that was tried. */
  readonly seed: number;
  /** In which way that one failed. */
  readonly problem: string | undefined;
  readonly cpuSeconds: number;
}

/** Runs seeds in a process of its own. */
async function trySeeds(order: SeedOrder, env: Readonly<Record<string, string>>): Promise<SeedsEnd> {
  const child = fork(TRY_SEEDS, {
    execArgv: [`--import=${INSTALL}`],
    env: { ...process.env, ...env, [ORDER_VARIABLE]: JSON.stringify(order) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let last: SeedTried | undefined;
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4_000)));
  child.on("message", (message) => (last = message as SeedTried));
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, WALL_MS_MAX);
  const [code, signal]: unknown[] = await once(child, "exit");
  clearTimeout(deadline);
  const { seed = order.firstSeed - 1, cpuSeconds = 0, failure } = last ?? {};
  if (code === 0) return { seed, cpuSeconds, problem: failure && `${failure.phase}: ${headOf(failure.message)}` };
  if (signal !== null && !late) throw new Error(`a run was ended from outside`);
  const crash = late ? "a run that never ends" : `the process ended: ${errorIn(said)}`;
  return { seed: seed + 1, cpuSeconds, problem: crash };
}

/** The line that says what was thrown, of what Node writes about an error that nobody caught. */
const errorIn = (text: string): string =>
  text.split("\n").find((line) => /^\w*(Error|Violation)\b/.test(line)) ?? headOf(text);

/** A violation's message begins with the name of its check. */
function headOf(message: string): string {
  const [line = ""] = message.split("\n");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

function show({ mutation, caughtBy, seed, seeds, cpuSeconds }: Outcome): void {
  const found = caughtBy === undefined ? "-" : String(seed);
  console.log(row([mutation.name, found, String(seeds), cpuSeconds.toFixed(1), caughtBy ?? "NOT CAUGHT"]));
}

const WIDTHS = [42, 5, 5, 6];
const row = (cells: readonly string[]): string => cells.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0)).join("  ");
const rounded = (value: number): number => Math.round(value * 10) / 10;
