/** `npm run sim`: runs seeds, prints a line for each that failed, and as the last line one JSON object. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runMutations } from "./mutations/run-mutations.ts";
import { isProfileName, PROFILES, type ProfileName } from "./profile.ts";
import { simulate, type RunOptions, type RunResult } from "./run.ts";
import { Trace } from "./trace.ts";
import { World } from "./world/world.ts";

const USAGE = `usage: npm run sim -- [option…]
  --seed S          the first seed; a random one when left out
  --seeds N         how many, one after the other (default 100; 1 with --seed or --trace)
  --minutes M       go on for so long instead
  --nodes N         hosts, 1 to 9 (default: 3 to 9, as the seed has it)
  --ticks T         ticks of 50 ms for which things go wrong (default 1200)
  --profile NAME    ${Object.entries(PROFILES)
    .map(([name, { about }]) => `${name}: ${about}`)
    .join("\n                    ")}
  --workers N       processes that run seeds beside each other (default: as many as there are cores)
  --trace           what happens, line by line, with simulated time and host
  --trace-messages  Raft's messages and writes as well
  --until-failure   stop at the first seed that fails
  --mutations       put known defects in, one after the other, and find each; --only NAME: just that one`;

const TICK_MS = 50;
/** One seed in so many runs twice, and must give the same. */
const TWICE_EVERY = 20;

interface Order {
  readonly first: number;
  /** This worker's are those that leave `worker` when divided by `workers`. */
  readonly worker: number;
  readonly workers: number;
  readonly seeds: number;
  readonly untilMs: number;
  readonly run: Omit<RunOptions, "seed" | "trace">;
}

export interface Done extends RunResult {
  readonly cpuSeconds: number;
}

/** Runs a worker's part of the seeds. */
async function work(order: Order, report: (done: Done) => void): Promise<void> {
  // Only messages are shown; most errors are answers of a peer or the end of a wait, and where they come from costs more
  // to find out than all else about them.
  if (process.env["SIM_STACK"] === undefined) Error.stackTraceLimit = 0;
  await World.warmUp();
  for (let at = order.worker; at < order.seeds && Date.now() < order.untilMs; at += order.workers) {
    const start = process.cpuUsage();
    const seed = order.first + at;
    let result = await simulate({ ...order.run, seed });
    if (at % TWICE_EVERY === 0) {
      const again = await simulate({ ...order.run, seed });
      if (again.hash !== result.hash) {
        const failure = {
          message: "two runs of this seed differ",
          atMs: result.simulatedMs,
          phase: "checking",
        } as const;
        result = { ...result, failure };
      }
      result = { ...result, simulatedMs: 2 * result.simulatedMs, events: 2 * result.events };
    }
    const { user, system } = process.cpuUsage(start);
    report({ ...result, cpuSeconds: (user + system) / 1e6 });
  }
}

if (process.send !== undefined && process.env["MURMUR_SIM_WORKER"] !== undefined) {
  const tell = process.send.bind(process);
  await work(JSON.parse(process.env["MURMUR_SIM_WORKER"]) as Order, (done) => void tell(done));
  process.exit(0);
}

if (process.argv.includes("--mutations")) process.exit(await runMutations(process.argv.slice(2)));

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    minutes: { type: "string" },
    nodes: { type: "string" },
    ticks: { type: "string", default: "1200" },
    profile: { type: "string", default: "default" },
    trace: { type: "boolean", default: false },
    "trace-messages": { type: "boolean", default: false },
    "until-failure": { type: "boolean", default: false },
    workers: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const profile: ProfileName = isProfileName(values.profile) ? values.profile : refuse(`no profile ${values.profile}`);
const nodes = values.nodes === undefined ? undefined : count(values.nodes, "--nodes", 9);
const ticks = count(values.ticks, "--ticks", 10_000_000);
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : count(values.seed, "--seed", 2 ** 53);
const tracing = values.trace || values["trace-messages"];
const single = tracing || (values.seed !== undefined && values.seeds === undefined);
const seeds = single ? 1 : count(values.seeds ?? "100", "--seeds", 1e9);
const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
if (minutes !== undefined && !(minutes > 0)) refuse("--minutes: a number above 0");
const workers = values.workers === undefined ? availableParallelism() : count(values.workers, "--workers", 256);
if (workers === 0) refuse("--workers: at least 1");
const run = { nodes, profile, faultMs: ticks * TICK_MS };
const reproduce = (seed: number): string =>
  `npm run sim -- --seed ${String(seed)} --ticks ${String(ticks)} --profile ${profile}` +
  (nodes === undefined ? "" : ` --nodes ${String(nodes)}`);

const started = performance.now();
const children = new Set<ChildProcess>();
const totals = { seeds: 0, failures: 0, simulatedMs: 0, events: 0, cpuSeconds: 0 };
const take = (done: Done): void => {
  totals.seeds += 1;
  totals.simulatedMs += done.simulatedMs;
  totals.events += done.events;
  totals.cpuSeconds += done.cpuSeconds;
  if (done.failure === undefined) return;
  totals.failures += 1;
  const { message, atMs, phase } = done.failure;
  console.log(`seed ${String(done.seed)} failed at ${(atMs / 1_000).toFixed(2)} s (${phase}): ${message}`);
  console.log(`  ${reproduce(done.seed)} --trace`);
  if (values["until-failure"]) for (const child of children) child.kill();
};

if (tracing) await traced();
else await inWorkers();
console.log(`${String(totals.seeds)} seeds from ${String(first)} on`);
const { cpuSeconds, simulatedMs } = totals;
console.log(
  JSON.stringify({
    bench: "sim",
    runs: totals.seeds,
    figures: {
      seeds: totals.seeds,
      failures: totals.failures,
      first_seed: first,
      simulated_hours: round(simulatedMs / 3_600_000),
      cpu_s: round(cpuSeconds),
      events_per_s: Math.round(totals.events / cpuSeconds),
      sim_hours_per_cpu_hour: round(simulatedMs / 1_000 / cpuSeconds),
    },
  }),
);
process.exit(totals.failures === 0 ? 0 : 1);

async function traced(): Promise<void> {
  await World.warmUp();
  const start = process.cpuUsage();
  const messages = values["trace-messages"];
  const trace = (world: World): Trace => new Trace(world, { messages, write: (line) => console.log(line) });
  const result = await simulate({ ...run, seed: first, trace });
  const { user, system } = process.cpuUsage(start);
  take({ ...result, cpuSeconds: (user + system) / 1e6 });
}

async function inWorkers(): Promise<void> {
  const untilMs = minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + minutes * 60_000;
  const shown = setInterval(progress, 2_000);
  const ends = Array.from({ length: Math.min(seeds, workers) }, async (_, worker) => {
    const order: Order = { first, worker, workers, seeds: minutes === undefined ? seeds : 1e9, untilMs, run };
    const env = { ...process.env, MURMUR_SIM_WORKER: JSON.stringify(order) };
    const child = fork(import.meta.filename, { env });
    children.add(child);
    child.on("message", (done) => take(done as Done));
    const [code]: unknown[] = await once(child, "exit");
    if (code !== 0 && !child.killed) {
      totals.failures += 1;
      console.log(`a worker has ended with ${String(code)}`);
    }
  });
  await Promise.all(ends);
  clearInterval(shown);
}

function progress(): void {
  if (!process.stderr.isTTY) return;
  const took = ((performance.now() - started) / 1_000).toFixed(0);
  process.stderr.write(`\r${String(totals.seeds)} seeds, ${String(totals.failures)} failed, ${took} s\u001b[K`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function count(text: string, option: string, most: number): number {
  const value = Number(text);
  return Number.isInteger(value) && value >= 0 && value <= most ? value : refuse(`${option}: a whole number`);
}

function refuse(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}
