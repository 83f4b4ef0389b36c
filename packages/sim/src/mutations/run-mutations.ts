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
  /** Why this doesn't count: the same seed fails without the defect as well. */
  readonly unsound: string | undefined;
  readonly lastSeed: number;
  readonly seeds: number;
  readonly cpuSeconds: number;
}

/**
 * `npm run sim -- --mutations [--only NAME]…`: puts each known defect in, and runs seeds until one fails. A find counts
 * when that seed passes without the defect. Returns the exit code: 1 when a defect isn't found.
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
  const caught = outcomes.filter(isCaught);
  for (const { mutation } of outcomes.filter((outcome) => !isCaught(outcome)))
    console.log(`not caught: ${mutation.name}: ${mutation.defect}`);
  const figures = {
    mutations: outcomes.length,
    caught: caught.length,
    slowest_cpu_s: Math.max(0, ...caught.map(({ cpuSeconds }) => rounded(cpuSeconds))),
  };
  console.log(JSON.stringify({ bench: "sim-mutations", runs: outcomes.length, figures }));
  return caught.length === outcomes.length ? 0 : 1;
}

const isCaught = ({ caughtBy, unsound }: Outcome): boolean => caughtBy !== undefined && unsound === undefined;

async function tryMutation(mutation: Mutation): Promise<Outcome> {
  const { profile, nodes, faultSeconds = FAULT_SECONDS } = mutation;
  const run = { profile, nodes, faultMs: faultSeconds * 1_000 };
  const order = { run, firstSeed: FIRST_SEED, seedsMax: 1_000_000, cpuSecondsMax: CPU_SECONDS_MAX };
  const { tried, crash } = await trySeeds(order, { MURMUR_SIM_MUTATION: mutation.name });
  const last = tried.at(-1);
  const lastSeed = FIRST_SEED + tried.length - (crash === undefined ? 1 : 0);
  const { failure } = last ?? {};
  const found = failure === undefined ? crash : `${failure.phase}: ${headOf(failure.message)}`;
  const cpuSeconds = last?.cpuSeconds ?? 0;
  const caughtBy = cpuSeconds > CPU_SECONDS_MAX ? undefined : found;
  const unsound =
    caughtBy === undefined ? undefined : await failureWithout(mutation, { ...order, firstSeed: lastSeed });
  return { mutation, caughtBy, unsound, lastSeed, seeds: lastSeed - FIRST_SEED + 1, cpuSeconds };
}

/** Why a seed fails without the defect, too. */
async function failureWithout(mutation: Mutation, order: SeedOrder): Promise<string | undefined> {
  const env = { MURMUR_SIM_MUTATION: mutation.name, MURMUR_SIM_SETTING_ONLY: "1" };
  const { tried, crash } = await trySeeds({ ...order, seedsMax: 1 }, env);
  return crash ?? tried[0]?.failure?.message;
}

/** Runs seeds in a process of its own. `crash`: how it ended, when that was not as it should. */
async function trySeeds(
  order: SeedOrder,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly tried: readonly SeedTried[]; readonly crash: string | undefined }> {
  const child = fork(TRY_SEEDS, {
    execArgv: ["--import", INSTALL],
    env: { ...process.env, ...env, [ORDER_VARIABLE]: JSON.stringify(order) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const tried: SeedTried[] = [];
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4_000)));
  child.on("message", (message) => tried.push(message as SeedTried));
  const deadline = setTimeout(() => child.kill("SIGKILL"), WALL_MS_MAX);
  const [code, signal]: unknown[] = await once(child, "exit");
  clearTimeout(deadline);
  if (code === 0) return { tried, crash: undefined };
  return { tried, crash: signal === "SIGKILL" ? "a run that never ends" : `the process ended: ${errorIn(said)}` };
}

/** The line that says what was thrown, of what Node writes about an error that nobody caught. */
const errorIn = (text: string): string =>
  text.split("\n").find((line) => /^\w*(Error|Violation)\b/.test(line)) ?? headOf(text);

/** A violation's message begins with the name of its check. */
function headOf(message: string): string {
  const [line = ""] = message.split("\n");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

function show({ mutation, caughtBy, unsound, lastSeed, seeds, cpuSeconds }: Outcome): void {
  const verdict = unsound === undefined ? (caughtBy ?? "NOT CAUGHT") : `UNSOUND, fails without it: ${headOf(unsound)}`;
  const seed = caughtBy === undefined ? "-" : String(lastSeed);
  console.log(row([mutation.name, seed, String(seeds), cpuSeconds.toFixed(1), verdict]));
}

const WIDTHS = [42, 5, 5, 6];
const row = (cells: readonly string[]): string => cells.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0)).join("  ");
const rounded = (value: number): number => Math.round(value * 10) / 10;
