import {
  measureElections,
  murmurConditions,
  THESIS_HELD_OUT,
  THESIS_TABLE,
  THESIS_TRIALS,
  thesisConditions,
  type ExperimentResult,
  type Loss,
  type PublishedRow,
} from "@murmur/sim";
import { rounded, tableLines, type Report } from "./report.ts";

const SEED = 1;
/** Each experiment is made this often, since one gives the upper percentiles to some 10 % only. */
const REPEATS = 20;
const OPTIONS = { seed: SEED, trials: THESIS_TRIALS, repeats: REPEATS };

const HEADINGS = ["TIMEOUTS MS", "P50", "P90", "P99", "MEAN", "ERROR %", "MAX", "MAX OF REPEATS"];
/** The maximum has a column of its own: a single election decides it. */
const COMPARED = ["p50", "p90", "p99", "mean"] as const;

interface Reproduced {
  readonly published: PublishedRow;
  readonly result: ExperimentResult;
  /** The greatest of the compared columns'. */
  readonly errorPercent: number;
}

function reproduce(published: PublishedRow): Reproduced {
  const result = measureElections(thesisConditions(published), OPTIONS);
  const errors = COMPARED.map((column) => Math.abs(result.downtimes[column] / published[column] - 1) * 100);
  return { published, result, errorPercent: Math.max(...errors) };
}

/** How far the published maximum lies outside of what the repeats had, in percent of it. */
function maxErrorPercent({ published, result }: Reproduced): number {
  const outsideMs = Math.max(0, published.max - result.maxToMs, result.maxFromMs - published.max);
  return (outsideMs / published.max) * 100;
}

function rowsOf({ published, result, errorPercent }: Reproduced): readonly (readonly string[])[] {
  const { p50, p90, p99, mean, max } = published;
  const name = `${String(published.minMs)}–${String(published.maxMs)}`;
  return [
    [`${name} thesis`, ...[p50, p90, p99, mean].map(whole), "", whole(max)],
    measuredRow(`${name} model`, result, errorPercent.toFixed(1)),
  ];
}

function measuredRow(name: string, { downtimes, maxFromMs, maxToMs }: ExperimentResult, error = ""): readonly string[] {
  const { p50, p90, p99, mean, max } = downtimes;
  return [name, ...[p50, p90, p99, mean].map(whole), error, whole(max), `${whole(maxFromMs)}–${whole(maxToMs)}`];
}

const whole = (value: number): string => value.toFixed(0);

const ours = (tickMs: number, loss: Loss): ExperimentResult =>
  measureElections(murmurConditions(tickMs, loss), OPTIONS);

/** Leader elections of five servers: the Raft thesis's table by our core as plain Raft, then as Murmur runs it. */
export function election(): Promise<Report> {
  const fitted = THESIS_TABLE.map(reproduce);
  const heldOut = THESIS_HELD_OUT.map(reproduce);
  const all = [...fitted, ...heldOut];
  const cut = ours(15, "cut");
  const crash = ours(15, "crash");
  const table = [
    HEADINGS,
    ...all.flatMap(rowsOf),
    measuredRow("150–300 ours, host cut", cut),
    measuredRow("150–300 ours, killed", crash),
    measuredRow("500–1000 ours, host cut", ours(50, "cut")),
    measuredRow("500–1000 ours, killed", ours(50, "crash")),
  ];
  return Promise.resolve({
    bench: "election",
    runs: THESIS_TRIALS,
    figures: {
      row_error_percent_max: rounded(Math.max(...all.map(({ errorPercent }) => errorPercent))),
      held_out_error_percent_max: rounded(Math.max(...heldOut.map(({ errorPercent }) => errorPercent))),
      max_column_error_percent_max: rounded(Math.max(...all.map(maxErrorPercent))),
      ours_150_300_p99_ms: rounded(Math.max(cut.downtimes.p99, crash.downtimes.p99)),
    },
    goals: { row_error_percent_max: { most: 15 }, ours_150_300_p99_ms: { most: 406 } },
    notes: [
      ...tableLines(table),
      `Downtimes in ms, simulated. Model and ours: ${String(REPEATS)} experiments of ${String(THESIS_TRIALS)} elections, column by column the median experiment.`,
      "row_error_percent_max compares p50, p90, p99 and mean of all rows; the last two rows were not used to fit the model.",
      `max_column_error_percent_max: how far a published maximum lies outside of the ${String(REPEATS)} maxima of the repeats.`,
      "Ours is the slower of a cut host and a killed process. Assumptions: docs/elections.md.",
    ],
  });
}
