import type { Output } from "../ports.ts";
import { frameOf, newLines } from "./frame.ts";
import type { Judgement } from "./judge.ts";

/** Where progress is shown. */
export interface Display {
  show(judgement: Judgement): void;
}

const UP_AND_CLEAR = "\u001B[1A\u001B[2K";

/** Lines of a terminal that are drawn over. */
export class TerminalDisplay implements Display {
  readonly #output: Output;
  #lines: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  show(judgement: Judgement): void {
    const lines = frameOf(judgement, this.#output.columns);
    if (lines.join("\n") === this.#lines.join("\n")) return;
    this.#output.write(UP_AND_CLEAR.repeat(this.#lines.length) + lines.map((line) => `${line}\n`).join(""));
    this.#lines = lines;
  }
}

/** A log, or a program that reads: a line only when something changes. */
class PlainDisplay implements Display {
  readonly #output: Output;
  #before: Judgement | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  show(judgement: Judgement): void {
    for (const line of newLines(judgement, this.#before)) this.#output.write(`${line}\n`);
    this.#before = judgement;
  }
}

export const displayOn = (output: Output): Display =>
  output.isTerminal ? new TerminalDisplay(output) : new PlainDisplay(output);

export const NO_DISPLAY: Display = { show: () => {} };
