/** The figures of one bench: a table for people, and as the last line one JSON object for machines. */
export interface Report {
  readonly bench: string;
  /** How often the rarest of the figures was measured. */
  readonly runs: number;
  readonly figures: Readonly<Record<string, number>>;
  /** What the figures should reach, where there is such a goal. */
  readonly goals?: Readonly<Record<string, { readonly most?: number; readonly least?: number }>>;
  /** Lines under the table: the set-up, what to compare with. */
  readonly notes?: readonly string[];
}

export function printReport({ bench, runs, figures, goals = {}, notes = [] }: Report): void {
  const rows = Object.entries(figures).map(([name, value]) => [name, format(value), goalText(goals[name])]);
  for (const line of tableLines([["FIGURE", "MEASURED", "GOAL"], ...rows])) console.log(line);
  for (const note of notes) console.log(note);
  console.log(JSON.stringify({ bench, runs, figures }));
}

/** A table as lines, its columns padded to the same width. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join("   ")
      .trimEnd(),
  );
}

const format = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 3 : 1));

function goalText(goal: { readonly most?: number; readonly least?: number } | undefined): string {
  if (goal?.most !== undefined) return `≤ ${String(goal.most)}`;
  return goal?.least === undefined ? "" : `≥ ${String(goal.least)}`;
}

/** The value below which the given share of the samples lies (nearest rank). NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** Rounds to three decimals, as far as any of these figures can be trusted. */
export const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
