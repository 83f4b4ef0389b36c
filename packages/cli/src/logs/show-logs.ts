import type { LogOptions } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import type { Output } from "../ports.ts";
import { LineNames } from "./line-names.ts";
import { parseLine } from "./log-line.ts";
import { parseSince } from "./since.ts";

export interface LogFlags {
  readonly details?: boolean;
  readonly follow?: boolean;
  readonly resolve: boolean;
  readonly taskIds: boolean;
  readonly trunc: boolean;
  readonly raw?: boolean;
  readonly since?: string;
  readonly tail: string;
  readonly timestamps?: boolean;
}

/** The flags of `docker service logs`. */
export const addLogFlags = (command: Command): Command =>
  command
    .option("--details", "Show extra details provided to logs")
    .option("-f, --follow", "Follow log output")
    .option("--no-resolve", "Do not map ids to names in output")
    .option("--no-task-ids", "Do not include task ids in output")
    .option("--no-trunc", "Do not truncate output")
    .option("--raw", "Do not neatly format logs")
    .option("--since <time>", "Show logs since a time (2026-11-21T03:00:00Z) or so long ago (42m)")
    .option("-n, --tail <lines>", "Number of lines to show from the end of each task's log", "all")
    .option("-t, --timestamps", "Show timestamps");

/** A log of the cluster that can be shown. */
export interface ShownLog {
  readonly tty: boolean;
  /** The highest slot that there may be. */
  readonly slots: number;
  readonly read: (options: LogOptions) => AsyncIterable<Uint8Array>;
}

/**
 * Shows a log to its end, or until Ctrl-C, or until nobody reads it. Errors: those of reading; `unavailable` in the end when
 * some of it can't be had.
 */
export async function showLogs(cli: Cli, flags: LogFlags, log: ShownLog): Promise<void> {
  const { raw = false, details = false, timestamps = false, follow = false, tail, since } = flags;
  if (log.tty && !raw) throw invalid("tty service logs only supported with --raw");
  if (!/^(all|\d{1,9})$/.test(tail)) throw invalid(`invalid value for --tail: '${tail}': give a number or "all"`);
  const signal = cli.ports.interrupts();
  const from = since === undefined ? {} : { since: parseSince(since, cli.ports.clock.now()) };
  const bytes = log.read({ follow, timestamps, details: details || !raw, tail, ...from, signal });
  let missing = "";
  try {
    if (log.tty) await copy(cli, bytes);
    else missing = await printFrames(cli, bytes, raw ? asItIs : await neatly(cli, flags, log));
  } catch (error) {
    // Who reads this has enough: `… | head`.
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  }
  if (missing !== "") throw new ClusterError("unavailable", missing);
  if (signal.aborted) cli.exitStatus = EXIT_STATUS.cancelled;
}

async function copy({ ports }: Cli, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of pieces) await ports.stdout.writeBytes(bytes);
}

/** What is put out for a line. */
type Print = (payload: Uint8Array) => Promise<readonly Uint8Array[]>;

const asItIs: Print = async (payload) => [payload];

async function neatly(cli: Cli, flags: LogFlags, { slots }: ShownLog): Promise<Print> {
  const { details = false, timestamps = false } = flags;
  const names = new LineNames(await cli.client(), { ...flags, slotWidth: String(slots).length });
  return async (payload) => {
    const line = parseLine(payload, { timestamps });
    const time = timestamps ? `${line.time} ` : "";
    const known = details ? `${line.details.join(",")} ` : "";
    return [new TextEncoder().encode(`${time}${await names.of(line.context)}    | ${known}`), line.text];
  };
}

/** Puts out what comes together at once, in its order over both outputs. Returns what the daemon says of what is missing. */
async function printFrames({ ports }: Cli, bytes: AsyncIterable<Uint8Array>, print: Print): Promise<string> {
  const { readFrames } = await import("@murmur/api");
  let missing = "";
  for await (const frames of readFrames(bytes)) {
    let output: Output = ports.stdout;
    let parts: Uint8Array[] = [];
    for (const { stream, payload } of frames) {
      if (stream > 2) {
        missing += new TextDecoder().decode(payload);
        continue;
      }
      const wanted = stream === 2 ? ports.stderr : ports.stdout;
      if (wanted !== output && parts.length > 0) {
        await output.writeBytes(Buffer.concat(parts));
        parts = [];
      }
      output = wanted;
      parts.push(...(await print(payload)));
    }
    if (parts.length > 0) await output.writeBytes(Buffer.concat(parts));
  }
  return missing;
}
