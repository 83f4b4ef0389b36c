/**
 * The parts of `scripts/test`, one after the other: two heavy suites at once would only disturb each other on two cores.
 * Without arguments all parts run; with arguments only those named: check, unit, sim, e2e.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

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

function run(command: string, ...args: string[]): boolean {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: environment });
  return status === 0;
}

function step(name: string, command: string, ...args: string[]): boolean {
  const start = performance.now();
  const passed = run(command, ...args);
  total[passed ? "passed" : "failed"] += 1;
  console.log(`${passed ? "✓" : "✗"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return passed;
}

/** Runs a vitest suite and adds what it counted; a suite that did not even report has failed. */
function suite(name: string, ...args: string[]): void {
  const report = join(reports, `${name}.json`);
  console.log(`\n${name}`);
  const passed = run("vitest", "run", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, ...args);
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

/** Fresh random seeds for the simulator, for so long; each counts as a test. */
const SIM_MINUTES = "3";

function simulate(): void {
  console.log(`\nsimulated clusters, fresh seeds for ${SIM_MINUTES} minutes`);
  const { status, stdout } = spawnSync("node", ["packages/sim/src/main.ts", "--minutes", SIM_MINUTES], {
    cwd: root,
    stdio: ["inherit", "pipe", "inherit"],
    encoding: "utf8",
    env: environment,
  });
  process.stdout.write(stdout);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  const figures = last.startsWith("{") ? (JSON.parse(last) as { figures: Record<string, number> }).figures : {};
  const { seeds = 0, failures = 0 } = figures;
  total.passed += seeds - failures;
  total.failed += status === 0 ? failures : Math.max(1, failures);
}

const PARTS: Readonly<Record<string, () => void>> = {
  check: () => {
    step("types of the pure packages", "tsc", "-p", "tsconfig.pure.json");
    step("types", "tsc", "-p", "tsconfig.json");
    step("lint", "oxlint", "--type-aware", "--quiet");
    step("format", "prettier", "--check", "--log-level", "warn", ".");
    step("import table", "node", "scripts/check/imports.ts");
    step("dead code", "knip", "--no-progress");
  },
  unit: () => {
    // Some packages' contracts run against a real engine, with containers made of the machine's busybox; and some tests
    // ask as real clients do.
    const ready =
      step("programs of the tests", "scripts/test-tools") &&
      step("an engine answers", "scripts/engine") &&
      step("demo image", "scripts/demo-image");
    if (ready) suite("unit");
  },
  sim: simulate,
  e2e: () => {
    const ready =
      step("programs of the tests", "scripts/test-tools") &&
      step("an engine answers", "scripts/engine") &&
      step("demo image", "scripts/demo-image") &&
      step("clients' image", "scripts/client-image") &&
      step("node image", "scripts/node-image");
    if (ready) suite("e2e", "--config", "test/e2e/vitest.config.ts");
  },
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
for (const name of wanted) {
  const part = PARTS[name];
  if (part === undefined) {
    console.error(`unknown part "${name}": choose of ${Object.keys(PARTS).join(", ")}`);
    process.exit(2);
  }
  part();
}
rmSync(reports, { recursive: true, force: true });
console.log(`\n${String(total.passed)} passed, ${String(total.failed)} failed, ${String(total.skipped)} skipped`);
process.exitCode = total.failed === 0 && total.skipped === 0 && total.passed > 0 ? 0 : 1;
