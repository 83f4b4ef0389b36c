import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@murmur/base";
import { Baseline, BASELINES } from "./packing/baselines.ts";
import { OwnScheduler, type Placer } from "./packing/cluster.ts";
import { fewestNodes, lowerBound } from "./packing/fewest-nodes.ts";
import { arrivals, mean, pack, type Outcome } from "./packing/packing-run.ts";
import { readNodes, readTasks, TraceError, type Amounts } from "./packing/trace.ts";
import { rounded, tableLines, type Report } from "./report.ts";

const FOLDER = resolve(import.meta.dirname, "../../../shared/data/openb");
const LISTS = { default: "openb_pod_list_default.csv", cpu250: "openb_pod_list_cpu250.csv" } as const;
const SEEDS = Number(process.env["PACKING_SEEDS"] ?? 10);
const GPUS_ASKED_FOR = 1.3;
const BINPACK = "ours (binpack)";
const SPREAD = "ours (spread)";
const NODES_RATIO_MOST = 1.05;

/** How well tasks of a production trace are packed on that trace's nodes, beside textbook ways to do it. */
export async function packing(): Promise<Report> {
  try {
    return await Promise.resolve(measure());
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

function measure(): Report {
  const { pods } = parseArgs({ args: process.argv.slice(3), options: { pods: { type: "string" } } }).values;
  const nodes = readNodes(FOLDER);
  const lists: readonly (readonly [string, readonly Amounts[]])[] =
    pods === undefined
      ? Object.entries(LISTS).map(([name, file]) => [name, readTasks(resolve(FOLDER, file))] as const)
      : [["pods", readTasks(resolve(pods))]];
  const figures: Record<string, number> = {};
  const goals: Record<string, { readonly most?: number; readonly least?: number }> = {};
  const notes: string[] = [];
  for (const [name, tasks] of lists) {
    const outcomes = outcomesOf(nodes, tasks);
    const others = [...outcomes].filter(([strategy]) => strategy in BASELINES).map(([, outcome]) => outcome);
    const binpack = outcomes.get(BINPACK);
    const spread = outcomes.get(SPREAD);
    if (binpack === undefined || spread === undefined) continue;
    const best = rounded(Math.max(...others.map(({ allocated }) => allocated[2])));
    const evenest = rounded(Math.min(...others.map(({ loadDeviation }) => loadDeviation)));
    figures[`${name}_gpu_percent`] = rounded(binpack.allocated[2]);
    figures[`${name}_best_baseline_gpu_percent`] = best;
    figures[`${name}_cpu_percent`] = rounded(binpack.allocated[0]);
    figures[`${name}_memory_percent`] = rounded(binpack.allocated[1]);
    figures[`${name}_refused`] = rounded(binpack.refused);
    figures[`${name}_spread_load_deviation`] = rounded(spread.loadDeviation);
    figures[`${name}_best_baseline_load_deviation`] = evenest;
    goals[`${name}_gpu_percent`] = { least: best };
    goals[`${name}_spread_load_deviation`] = { most: evenest };
    notes.push("", `${name}: ${String(tasks.length)} tasks, mean of ${String(SEEDS)} orders`, ...tableOf(outcomes));
  }
  const [, listed = []] = lists[0] ?? [];
  const needed = fewestNodes(nodes, listed);
  const bound = lowerBound(nodes, listed);
  figures["nodes_lower_bound"] = bound;
  if (needed === undefined) notes.push("", "the whole list does not fit on all nodes");
  else {
    figures["nodes_needed"] = needed;
    figures["nodes_ratio_to_bound"] = rounded(needed / bound);
    goals["nodes_ratio_to_bound"] = { most: NODES_RATIO_MOST };
  }
  return { bench: "packing", runs: SEEDS, figures, goals, notes };
}

function outcomesOf(nodes: readonly Amounts[], tasks: readonly Amounts[]): ReadonlyMap<string, Outcome> {
  const all = new Map<string, Outcome[]>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = new SeededRandom(seed);
    const arriving = arrivals(tasks, nodes, { random, share: GPUS_ASKED_FOR });
    const placers: [string, Placer][] = Object.entries(BASELINES).map(([name, score]) => [
      name,
      new Baseline(nodes, score(random)),
    ]);
    placers.push([BINPACK, new OwnScheduler(nodes, "binpack")], [SPREAD, new OwnScheduler(nodes, "spread")]);
    for (const [name, placer] of placers) all.set(name, [...(all.get(name) ?? []), pack(nodes, arriving, placer)]);
  }
  return new Map([...all].map(([name, outcomes]) => [name, meanOf(outcomes)]));
}

function meanOf(outcomes: readonly Outcome[]): Outcome {
  const of = (value: (outcome: Outcome) => number): number => mean(outcomes.map(value));
  return {
    allocated: [
      of(({ allocated }) => allocated[0]),
      of(({ allocated }) => allocated[1]),
      of(({ allocated }) => allocated[2]),
    ],
    refused: of(({ refused }) => refused),
    loadDeviation: of(({ loadDeviation }) => loadDeviation),
    nodesUsed: of(({ nodesUsed }) => nodesUsed),
  };
}

const tableOf = (outcomes: ReadonlyMap<string, Outcome>): readonly string[] =>
  tableLines([
    ["STRATEGY", "GPU %", "CPU %", "MEMORY %", "REFUSED", "LOAD DEVIATION %"],
    ...[...outcomes].map(
      ([
        name,
        {
          allocated: [cpu, memory, gpu],
          refused,
          loadDeviation,
        },
      ]) => [
        name,
        ...[gpu, cpu, memory].map((share) => share.toFixed(2)),
        refused.toFixed(0),
        loadDeviation.toFixed(2),
      ],
    ),
  ]);
