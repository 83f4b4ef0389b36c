import {
  MURMUR_VARIANTS,
  PAPER_VARIANTS,
  runDetectionExperiment,
  runIntervalExperiment,
  type Anomaly,
  type Detection,
  type FalsePositives,
} from "@murmur/sim";
import { median, percentile, rounded, type Report } from "./report.ts";

/**
 * The part of the paper's grid that is run. Anomalies that SWIM's suspicion time of 10.5 s outlasts make hardly any false
 * positives: those of 8,192 ms made one in 700 when they were run too, those of 2,048 ms none.
 */
const MEMBERS = 128;
const ANOMALIES_MS = 120_000;
const STUCK = { anomaly: "stuck", anomalous: [4, 16], anomalyMs: [16_384, 32_768], intervalMs: [64, 4_096] } as const;
const PAUSED = { anomaly: "paused", anomalous: [8], anomalyMs: [16_384, 32_768], intervalMs: [1, 64] } as const;
const DETECTION_SEEDS = [1, 2, 3, 4, 5, 6];
const FAILURES = 15;

const VARIANTS = { ...PAPER_VARIANTS, ...MURMUR_VARIANTS };
type VariantName = keyof typeof VARIANTS;
const NAMES: readonly VariantName[] = [
  "swim",
  "lha_probe",
  "lha_suspicion",
  "buddy",
  "lifeguard",
  "murmur_paper_alpha",
  "murmur",
];
/** Which of them are compared beyond the paper's table. */
const COMPARED: readonly VariantName[] = ["swim", "lifeguard", "murmur_paper_alpha", "murmur"];
/** The paper's table: false positives in % of plain SWIM's, at all members and at the healthy ones. */
const PAPER: Readonly<Partial<Record<VariantName, readonly [all: number, healthy: number]>>> = {
  swim: [100, 100],
  lha_probe: [67.7, 32.9],
  lha_suspicion: [3.0, 6.7],
  buddy: [94.1, 44.6],
  lifeguard: [1.53, 1.89],
};

interface Grid {
  readonly anomaly: Anomaly;
  readonly anomalous: readonly number[];
  readonly anomalyMs: readonly number[];
  readonly intervalMs: readonly number[];
}

const cellsOf = ({ anomalous, anomalyMs, intervalMs }: Grid) =>
  anomalous.flatMap((C) => anomalyMs.flatMap((D) => intervalMs.map((I) => ({ C, D, I }))));

/** False positives of a variant, summed over a grid; each cell has a seed of its own, the same for all variants. */
function falsePositives(name: VariantName, grid: Grid): FalsePositives {
  const total = { all: 0, healthy: 0 };
  for (const [index, { C, D, I }] of cellsOf(grid).entries()) {
    const { all, healthy } = runIntervalExperiment({
      seed: index + 1,
      config: VARIANTS[name],
      members: MEMBERS,
      anomaly: grid.anomaly,
      anomalous: C,
      anomalyMs: D,
      intervalMs: I,
      anomaliesMs: ANOMALIES_MS,
    });
    total.all += all;
    total.healthy += healthy;
  }
  console.error(
    `${grid.anomaly} ${name}: ${String(total.all)} false positives, ${String(total.healthy)} at healthy members`,
  );
  return total;
}

function detections(name: VariantName): readonly Detection[] {
  return DETECTION_SEEDS.flatMap((seed) =>
    runDetectionExperiment({ seed, config: VARIANTS[name], members: MEMBERS, failures: FAILURES }),
  );
}

const percent = (count: number, of: number): number => (of === 0 ? 0 : (100 * count) / of);
const shown = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const seconds = (samples: readonly number[]): string =>
  `${(median(samples) / 1_000).toFixed(2)}/${(percentile(samples, 0.99) / 1_000).toFixed(2)}`;
const row = (cells: readonly string[]): string =>
  cells.map((cell, column) => (column === 0 ? cell.padEnd(20) : cell.padStart(16))).join("");

interface Measured {
  readonly stuck: FalsePositives;
  /** Undefined where only the paper's table is measured. */
  readonly paused: FalsePositives | undefined;
  readonly detections: readonly Detection[];
}

function measure(name: VariantName): Measured {
  const stuck = falsePositives(name, STUCK);
  if (!COMPARED.includes(name)) return { stuck, paused: undefined, detections: [] };
  return { stuck, paused: falsePositives(name, PAUSED), detections: detections(name) };
}

/** The Lifeguard paper's ablation with our core, its parts switched on one by one, and what we ship beside it. */
export function lifeguard(): Promise<Report> {
  const measured = new Map(NAMES.map((name) => [name, measure(name)]));
  const of = (name: VariantName): Measured => {
    const found = measured.get(name);
    if (found === undefined) throw new Error(`${name} was not measured`);
    return found;
  };
  const swim = of("swim");
  const all = (name: VariantName): number => percent(of(name).stuck.all, swim.stuck.all);
  const healthy = (name: VariantName): number => percent(of(name).stuck.healthy, swim.stuck.healthy);
  const firsts = (name: VariantName): number[] => of(name).detections.map(({ firstMs }) => firstMs);
  const lasts = (name: VariantName): number[] => of(name).detections.map(({ allMs }) => allMs);
  const ratio = (name: VariantName): number =>
    Math.max(median(firsts(name)) / median(firsts("swim")), median(lasts(name)) / median(lasts("swim")));
  const table = NAMES.map((name) => {
    const [paperAll, paperHealthy] = PAPER[name]?.map(shown) ?? ["", ""];
    const { stuck, paused } = of(name);
    const counts = [shown(all(name)), paperAll ?? "", shown(healthy(name)), paperHealthy ?? ""];
    const compared = paused === undefined ? [] : [seconds(firsts(name)), seconds(lasts(name)), String(paused.all)];
    return row([name, String(stuck.all), ...counts, ...compared]);
  });
  const parts = NAMES.filter((name) => name !== "swim" && name !== "murmur");
  return Promise.resolve({
    bench: "lifeguard",
    runs: cellsOf(STUCK).length,
    figures: {
      fp_percent: rounded(all("murmur")),
      fp_healthy_percent: rounded(healthy("murmur")),
      detection_ratio_to_swim: rounded(ratio("murmur")),
      ...Object.fromEntries(parts.map((name) => [`${name}_percent`, rounded(all(name))])),
      ...Object.fromEntries(parts.map((name) => [`${name}_healthy_percent`, rounded(healthy(name))])),
      paper_alpha_detection_ratio: rounded(ratio("murmur_paper_alpha")),
    },
    goals: {
      fp_percent: { most: 1.5 },
      fp_healthy_percent: { most: 1.9 },
      detection_ratio_to_swim: { most: 1 },
    },
    notes: [
      row(["", "FP", "FP %", "paper", "FP- %", "paper", "first s p50/p99", "all s p50/p99", "FP paused"]),
      ...table,
      `${String(MEMBERS)} members; ${gridText(STUCK)}; α=5 β=6 K=3, murmur α=3 as shipped; FP-: at healthy members.`,
      `Detection: ${String(DETECTION_SEEDS.length * FAILURES)} deaths in quiet clusters; the ratio is the larger of first's and all's medians.`,
      `FP paused: the whole process stands still, its timers too; ${gridText(PAUSED)}.`,
    ],
  });
}

const gridText = ({ anomaly, anomalous, anomalyMs, intervalMs }: Grid): string =>
  `C=${anomalous.join(",")} members ${anomaly} for D=${anomalyMs.join(",")} ms, well for I=${intervalMs.join(",")} ms, over ${String(ANOMALIES_MS / 1_000)} s`;
