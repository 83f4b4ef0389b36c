import { shortened } from "../format/words.ts";
import type { Output } from "../ports.ts";
import type { Display } from "../progress/display.ts";
import { newLines } from "../progress/frame.ts";
import type { Judgement } from "../progress/judge.ts";

/** The progress of several services in one place. */
export interface StackDisplay {
  /** Where one of them shows its own. */
  of(service: string): Display;
}

export const NO_STACK_DISPLAY: StackDisplay = { of: () => ({ show: () => {} }) };

const UP_AND_CLEAR = "\u001B[1A\u001B[2K";
/** Where a terminal doesn't say how high it is. */
const ROWS_DEFAULT = 24;

/** One line for each service, drawn over; those that aren't done come first where there is no room for all. */
class TerminalStackDisplay implements StackDisplay {
  readonly #output: Output;
  readonly #judgements = new Map<string, Judgement>();
  #lines: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  of(service: string): Display {
    return {
      show: (judgement) => {
        this.#judgements.set(service, judgement);
        this.#draw();
      },
    };
  }

  #draw(): void {
    const { columns, rows } = this.#output;
    const lines = stackFrame(this.#judgements, { columns, rows: rows || ROWS_DEFAULT });
    if (lines.join("\n") === this.#lines.join("\n")) return;
    this.#output.write(UP_AND_CLEAR.repeat(this.#lines.length) + lines.map((line) => `${line}\n`).join(""));
    this.#lines = lines;
  }
}

/** What a terminal shows at one moment: `shop_web  2/3 tasks  starting: No such image`. */
export function stackFrame(
  judgements: ReadonlyMap<string, Judgement>,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const width = Math.max(0, ...[...judgements.keys()].map((name) => name.length));
  const room = Math.max(1, rows - 2);
  const sorted = [...judgements].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const shown =
    sorted.length <= room ? sorted : sorted.toSorted(([, a], [, b]) => Number(isDone(a)) - Number(isDone(b)));
  const lines = shown.slice(0, room).map(([name, judgement]) => `${name.padEnd(width)}  ${progressText(judgement)}`);
  if (sorted.length > room) lines.push(`and ${String(sorted.length - room)} more`);
  return lines.map((line) => shortened(line, Math.max(columns - 1, 20)));
}

const isDone = ({ verdict }: Judgement): boolean => verdict.kind === "converged";

function progressText({ done, total, noun, slots, notice }: Judgement): string {
  const waiting = slots.find((slot) => !slot.done && slot.problem !== undefined) ?? slots.find((slot) => !slot.done);
  const why =
    waiting === undefined ? "" : `  ${waiting.state}${waiting.problem === undefined ? "" : `: ${waiting.problem}`}`;
  return `${String(done)}/${String(total)} ${noun}${why}${notice === undefined ? "" : `  ${notice}`}`;
}

/** A log, or a program that reads: a line only when something changes, with the service's name in front. */
class PlainStackDisplay implements StackDisplay {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  of(service: string): Display {
    let before: Judgement | undefined;
    return {
      show: (judgement) => {
        for (const line of newLines(judgement, before)) this.#output.write(`${service}: ${line}\n`);
        before = judgement;
      },
    };
  }
}

export const stackDisplayOn = (output: Output): StackDisplay =>
  output.isTerminal ? new TerminalStackDisplay(output) : new PlainStackDisplay(output);
