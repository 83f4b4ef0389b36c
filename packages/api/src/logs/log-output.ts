import { encodeFrame } from "./frames.ts";
import { joined } from "./log-entry.ts";
import type { ShownEntry } from "./log-target.ts";

export interface OutputForm {
  readonly service: string;
  /** Where each task is: part of what Docker's clients are told of a line. */
  readonly nodeOf: (task: string) => string;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Frames as Docker multiplexes standard output and error; else the bytes alone, as from a terminal. */
  readonly multiplexed: boolean;
  readonly stderr: boolean;
}

const CONTEXT = "com.docker.swarm";
const SYSTEM_ERROR = 3;
const encoder = new TextEncoder();

/** What a client of Docker's API reads of these entries. */
export function encodeOutput(entries: readonly ShownEntry[], form: OutputForm): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const part = outputOf(entry, form);
    if (part !== undefined) parts.push(part);
  }
  return Buffer.concat(parts);
}

function outputOf(entry: ShownEntry, form: OutputForm): Uint8Array | undefined {
  switch (entry.kind) {
    case "stdout":
      return framed(1, joined(prefixOf(entry, entry.details, form), entry.text), form);
    case "stderr":
      return framed(2, joined(prefixOf(entry, entry.details, form), entry.text), form);
    case "notice":
      if (!form.stderr) return undefined;
      return framed(2, encoder.encode(`${prefixOf(entry, "", form)}murmur: ${entry.message}\n`), form);
    case "incomplete": {
      // Docker's clients end at such a frame with its text, and a status that says so.
      const text = `Error grabbing logs: warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${entry.message}\n`;
      return framed(SYSTEM_ERROR, encoder.encode(text), form);
    }
  }
}

const framed = (stream: number, payload: Uint8Array, { multiplexed }: OutputForm): Uint8Array =>
  multiplexed ? encodeFrame(stream, payload) : payload;

function prefixOf({ task, at }: { task: string; at: string }, details: string, form: OutputForm): string {
  const time = form.timestamps ? `${at} ` : "";
  if (!form.details) return time;
  const own = [
    `${CONTEXT}.node.id=${form.nodeOf(task)}`,
    `${CONTEXT}.service.id=${form.service}`,
    `${CONTEXT}.task.id=${task}`,
  ];
  // A container's own word on where it runs doesn't count.
  const said = details === "" ? [] : details.split(",").filter((pair) => !OWN.test(pair));
  return `${time}${[...said, ...own].toSorted().join(",")} `;
}

const OWN = /^com\.docker\.swarm\.(node|service|task)\.id=/;
