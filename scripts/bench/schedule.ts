import { silentLog } from "@murmur/base";
import { systemClock } from "../../packages/node/src/system-clock.ts";
import { median, percentile, rounded, type Report } from "./report.ts";
import { changeOften } from "./schedule/changes.ts";
import { ScheduleWorld, type Shape } from "./schedule/schedule-world.ts";

const surroundings = { clock: systemClock, log: silentLog };

/** SwarmKit's shapes, and those where every task is a service of its own or all are one service. */
const SHAPES: Readonly<Record<string, Shape>> = {
  n1000_t1000: { nodes: 1_000, services: 100, tasks: 10, constraints: false },
  n1000_t10000: { nodes: 1_000, services: 1_000, tasks: 10, constraints: false },
  n1000_t100000: { nodes: 1_000, services: 10_000, tasks: 10, constraints: false },
  n1000_t10000_constraints: { nodes: 1_000, services: 1_000, tasks: 10, constraints: true },
  n5000_t100000_constraints: { nodes: 5_000, services: 10_000, tasks: 10, constraints: true },
  n1000_t10000_singles: { nodes: 1_000, services: 10_000, tasks: 1, constraints: false },
  n1000_t100000_one_service: { nodes: 1_000, services: 1, tasks: 100_000, constraints: false },
};
/** SwarmKit's own, on two cores. */
const SWARMKIT: Readonly<Record<string, number>> = {
  n1000_t1000: 6_756,
  n1000_t10000: 8_188,
  n1000_t100000: 6_075,
  n1000_t10000_constraints: 3_744,
  n5000_t100000_constraints: 1_414,
};
const LEAST_PER_S = 50_000;
/** Tasks of the measured runs of a shape together, and the most runs. */
const TASKS_MEASURED = 100_000;
const RUNS_MAX = 15;
/** Code that has run a few times is compiled, as in a leader that has worked for a while. */
const WARM_UPS = 3;
const CHANGES = 1_000;

/** How fast services become tasks with nodes, in the full state machine without disk, network and containers. */
export async function schedule(): Promise<Report> {
  const chosen = process.env["SCHEDULE_SHAPES"]?.split(",");
  const figures: Record<string, number> = {};
  let rss = 0;
  let runs = Infinity;
  for (let count = 0; count < WARM_UPS; count += 1) await rateOf({ ...MOST, services: 500 });
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (chosen !== undefined && !chosen.includes(name)) continue;
    const tasks = shape.services * shape.tasks;
    const count = Math.min(RUNS_MAX, Math.max(1, Math.round(TASKS_MEASURED / tasks)));
    const rates: Rate[] = [];
    for (let run = 0; run < count; run += 1) rates.push(await rateOf(shape));
    rss = Math.max(rss, process.memoryUsage.rss() / 2 ** 20);
    runs = Math.min(runs, count);
    figures[`${name}_per_s`] = Math.round(median(rates.map(({ perS }) => perS)));
    console.error(`${name}: ${rates.map(said).join(", ")}`);
  }
  if (chosen === undefined || chosen.includes("changes")) {
    const took = await changeOften(surroundings, CHANGES);
    for (const [kind, times] of took) {
      const clock = percentiles(times.map(({ ms }) => ms));
      console.error(`${kind}: ${clock}; CPU ${percentiles(times.map(({ cpuMs }) => cpuMs))}`);
    }
    const all = [...took.values()].flat().map(({ ms }) => ms);
    figures["one_change_ms_p99"] = rounded(percentile(all, 0.99));
    figures["one_change_ms_p50"] = rounded(median(all));
    rss = Math.max(rss, process.memoryUsage.rss() / 2 ** 20);
  }
  figures["rss_mb"] = Math.round(rss);
  const goals = Object.keys(SWARMKIT).map((name) => [`${name}_per_s`, { least: LEAST_PER_S }] as const);
  return {
    bench: "schedule",
    runs: Number.isFinite(runs) ? runs : CHANGES,
    figures,
    goals: { ...Object.fromEntries(goals), one_change_ms_p99: { most: 10 } },
    notes: [
      "nodes × tasks in services of 10 tasks; from the first service created to the last task with a node, median of the",
      "runs after a warm-up. _singles: services of one task; _one_service: all tasks in one.",
      `SwarmKit, measured on two cores: ${Object.entries(SWARMKIT)
        .map(([name, rate]) => `${name} ${String(rate)}`)
        .join(", ")}`,
    ],
  };
}

const percentiles = (times: readonly number[]): string =>
  `p50 ${median(times).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms`;

const said = ({ perS, perCpuS }: Rate): string =>
  `${perS.toFixed(0)} tasks/s (${perCpuS.toFixed(0)} in a second of CPU time)`;

/** Tasks in a second by the clock, and in a second of CPU time of all threads. */
interface Rate {
  readonly perS: number;
  readonly perCpuS: number;
}

const MOST: Shape = { nodes: 1_000, services: 1_000, tasks: 10, constraints: true };

async function rateOf(shape: Shape): Promise<Rate> {
  await using world = new ScheduleWorld(shape.nodes, surroundings);
  const tasks = shape.services * shape.tasks;
  const { user, system } = process.cpuUsage();
  const start = performance.now();
  world.createServices(shape);
  await world.untilAssigned(tasks);
  const wall = performance.now() - start;
  const used = process.cpuUsage({ user, system });
  return { perS: (tasks / wall) * 1_000, perCpuS: (tasks / (used.user + used.system)) * 1e6 };
}
