import type { TaskState } from "@murmur/api";
import { shortened } from "../format/words.ts";
import type { Judgement, SlotProgress } from "./judge.ts";

/** As Docker: more tasks than these are shown by their number only. */
export const SLOTS_SHOWN_MAX = 20;
const BAR_WIDTH = 50;

/** The way of a task, in the steps that Docker's bar has. */
const STEPS: readonly TaskState[] = [
  "new",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
];

const overall = ({ done, total, noun }: Judgement): string =>
  noun === "jobs"
    ? `job progress: ${String(done)} out of ${String(total)} complete`
    : `overall progress: ${String(done)} out of ${String(total)} tasks${noun === "stopped" ? " stopped" : ""}`;

/** What a terminal shows at one moment: `1/3: running   [====>]`, no line wider than the terminal. */
export function frameOf(judgement: Judgement, columns: number): string[] {
  const { slots, notice } = judgement;
  const lines = notice === undefined ? [] : [notice];
  lines.push(overall(judgement));
  if (slots.length <= SLOTS_SHOWN_MAX) {
    const count = String(slots.length);
    const width = Math.max(0, ...slots.map(({ state }) => state.length));
    for (const [at, slot] of slots.entries()) {
      const place = `${String(at + 1).padStart(count.length)}/${count}`;
      lines.push(`${place}: ${slotText(slot, width)}`);
    }
  }
  return lines.map((line) => shortened(line, Math.max(columns - 1, 20)));
}

function slotText(slot: SlotProgress, width: number): string {
  if (slot.problem !== undefined) return `${slot.state.padEnd(width)} ${slot.problem}`;
  return `${slot.state.padEnd(width)} ${bar(slot)}`;
}

function bar({ state, done }: SlotProgress): string {
  const step = done ? STEPS.length : STEPS.findIndex((candidate) => candidate === state) + 1;
  const filled = Math.round((BAR_WIDTH * step) / STEPS.length);
  return `[${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}]`;
}

/** What a log shows: the lines that say something new since the judgement before. */
export function newLines(judgement: Judgement, before: Judgement | undefined): string[] {
  const lines: string[] = [];
  if (judgement.notice !== undefined && judgement.notice !== before?.notice) lines.push(judgement.notice);
  if (before === undefined || overall(judgement) !== overall(before)) lines.push(overall(judgement));
  if (judgement.slots.length > SLOTS_SHOWN_MAX) return lines;
  const known = new Map(before?.slots.map((slot) => [slot.name, lineOf(slot)]));
  for (const slot of judgement.slots) {
    const line = lineOf(slot);
    if (!slot.done && known.get(slot.name) !== line) lines.push(line);
  }
  return lines;
}

const lineOf = ({ name, state, problem }: SlotProgress): string =>
  `${name}: ${problem === undefined ? state : `${state}: ${problem}`}`;
