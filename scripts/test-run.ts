/**
 * The parts of `scripts/test`. Two heavy suites at once would only disturb each other on two cores; beside each other run
 * what computes and what waits: the checks and the unit tests that wait for engines, with which that suite begins; the
 * simulator's seeds, which give way, and the end-to-end tests that run alone.
 * Without arguments all parts run; with arguments only those named: check, unit, e2e, sim.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { text } from "node:stream/consumers";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = resolve(import.meta.dirname, "..");
const reports = mkdtempSync(join(tmpdir(), "murmur-test-"));
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const environment = {
  ...process.env,
  PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`,
  TESTCONTAINERS_RYUK_DISABLED: "true",
};

/** Many times what any suite takes: one that hasn't ended by then waits for ever, and has no bound on that of its own. */
const SUITE_MINUTES = 45;

async function run(command: string, ...args: string[]): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: "inherit", env: environment });
  const limit = setTimeout(() => {
    console.error(`\n✗ not ended within ${String(SUITE_MINUTES)} minutes: ${command} ${args.join(" ")}`);
    child.kill("SIGKILL");
  }, SUITE_MINUTES * 60_000);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0;
  } finally {
    clearTimeout(limit);
  }
}

/** What it says is shown when it has ended, in one piece: another part may have the screen. */
async function step(name: string, command: string, ...args: string[]): Promise<boolean> {
  const start = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ["inherit", "pipe", "pipe"], env: environment });
  const [out, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  const passed = code === 0;
  total[passed ? "passed" : "failed"] += 1;
  process.stdout.write(
    `${out}${errors}${passed ? "✓" : "✗"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`,
  );
  return passed;
}

/** Runs a vitest suite and adds what it counted; a suite that did not even report has failed. */
async function suite(name: string, ...args: string[]): Promise<void> {
  const report = join(reports, `${name}.json`);
  console.log(`\n${name}`);
  const passed = await run(
    "vitest",
    "run",
    "--reporter=dot",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  );
  const counts = countsOf(report);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  if (!passed && counts.failed === 0) total.failed += 1;
  console.log(slowest(report));
}

interface TestFile {
  readonly name: string;
  readonly startTime: number;
  readonly endTime: number;
}

/** Where the time of a suite went: the files that took longest, so that it is seen when one grows. */
function slowest(report: string): string {
  const { testResults = [] } = reportOf(report) as { readonly testResults?: readonly TestFile[] };
  return testResults
    .map(({ name, startTime, endTime }) => ({ name: relative(root, name), seconds: (endTime - startTime) / 1000 }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, SLOWEST_SHOWN)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s ${name}`)
    .join("\n");
}

const SLOWEST_SHOWN = 12;

/** What vitest wrote; nothing when it wrote no JSON. */
function reportOf(report: string): object {
  try {
    return JSON.parse(readFileSync(report, "utf8")) as object;
  } catch {
    return {};
  }
}

function countsOf(report: string): Counts {
  const json = reportOf(report) as Record<string, number>;
  if (json["numTotalTests"] === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return {
    passed: json["numPassedTests"] ?? 0,
    failed: json["numFailedTests"] ?? 0,
    skipped: (json["numPendingTests"] ?? 0) + (json["numTodoTests"] ?? 0),
  };
}

/** Fresh random seeds for the simulator, for so long; each counts as a test. About as long as the tests beside them. */
const SIM_MINUTES = "3.5";

/** Resolves when the seeds have run, with nothing printed before: the tests that run meanwhile have the screen. */
async function simulate(): Promise<void> {
  const child = spawn("nice", ["-n", "19", "node", "packages/sim/src/main.ts", "--minutes", SIM_MINUTES], {
    cwd: root,
    stdio: ["inherit", "pipe", "inherit"],
    env: environment,
  });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  console.log(`\nsimulated clusters, fresh seeds for ${SIM_MINUTES} minutes\n${stdout.trimEnd()}`);
  const { seeds = 0, failures = 0 } = figuresOf(stdout.trim().split("\n").at(-1) ?? "");
  total.passed += seeds - failures;
  total.failed += code === 0 ? failures : Math.max(1, failures);
}

/** What the simulator's last line says; nothing when it was ended before, or in the middle of it. */
function figuresOf(line: string): Readonly<Record<string, number>> {
  try {
    return (JSON.parse(line) as { readonly figures: Readonly<Record<string, number>> }).figures;
  } catch {
    return {};
  }
}

async function check(): Promise<void> {
  await step("types of the pure packages", "tsc", "-p", "tsconfig.pure.json");
  await step("types", "tsc", "-p", "tsconfig.json");
  await step("lint", "oxlint", "--type-aware", "--quiet");
  await step("format", "prettier", "--check", "--log-level", "warn", ".");
  await step("import table", "node", "scripts/check/imports.ts");
  await step("dead code", "knip", "--no-progress");
}

const ready = new Map<string, Promise<boolean>>();

/** What some of the tests need, in this order, each made once; false when something could not be had. */
async function prepared(needed: Readonly<Record<string, string>>): Promise<boolean> {
  for (const [name, script] of Object.entries(needed)) {
    const made = ready.get(name) ?? step(name, script);
    ready.set(name, made);
    if (!(await made)) return false;
  }
  return true;
}

/**
 * Some packages' contracts run against a real engine, with containers made of the machine's busybox; and some tests ask as
 * real clients do.
 */
const ENGINE = {
  "programs of the tests": "scripts/test-tools",
  "an engine answers": "scripts/engine",
  "demo image": "scripts/demo-image",
} as const;
const HOSTS = { ...ENGINE, "clients' image": "scripts/client-image", "node image": "scripts/node-image" } as const;

async function unit(): Promise<void> {
  if (await prepared(ENGINE)) await suite("unit");
}

/** `beside`: two files at once; `alone`: one after the other. */
const endToEnd = (project: "beside" | "alone") => async (): Promise<void> => {
  if (await prepared(HOSTS))
    await suite(`e2e ${project}`, "--config", "test/e2e/vitest.config.ts", "--project", project);
};

/** In this order; those of one row beside each other. */
const PARTS: readonly Readonly<Record<string, () => Promise<void>>>[] = [
  { check, unit },
  { e2e: endToEnd("beside") },
  { sim: simulate, e2e: endToEnd("alone") },
];

/** A part that could not even be run: the others go on, and all are counted. */
function failed(name: string, error: unknown): void {
  total.failed += 1;
  console.error(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
}

const names = [...new Set(PARTS.flatMap((row) => Object.keys(row)))];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : names;
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`unknown part "${unknown}": choose of ${names.join(", ")}`);
  process.exit(2);
}
for (const row of PARTS) {
  const chosen = Object.entries(row).filter(([name]) => wanted.includes(name));
  await Promise.all(chosen.map(([name, part]) => part().catch((error: unknown) => failed(name, error))));
}
rmSync(reports, { recursive: true, force: true });
console.log(`\n${String(total.passed)} passed, ${String(total.failed)} failed, ${String(total.skipped)} skipped`);
process.exitCode = total.failed === 0 && total.skipped === 0 && total.passed > 0 ? 0 : 1;
