import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { Outcome } from "../../test/hosts/command-runner.ts";
import { median, rounded } from "./report.ts";

/** nginx with one small page at port 80, wrk and haproxy. */
export const TRAFFIC_IMAGE = "murmur/traffic:latest";

export async function makeTrafficImage(): Promise<void> {
  await promisify(execFile)(resolve(import.meta.dirname, "traffic-image"));
}

/** How a client uses its connections: one for all requests, or each for one. */
export type Use = "keepalive" | "connection";

/** What one run of wrk came to. */
export interface Load {
  readonly perSecond: number;
  readonly requests: number;
  /** Connections that failed or broke, requests without an answer in time, answers other than the page. */
  readonly errors: number;
}

/** One of the ways that are compared. */
export type Turn = () => Promise<Load>;

const CONNECTIONS = 32;

/** wrk's arguments. One thread leaves the other core to the rest, but can be full before the machine is. */
export const wrkCommand = (url: string, use: Use, seconds: number, threads = 1): readonly string[] => [
  "wrk",
  `-t${String(threads)}`,
  `-c${String(CONNECTIONS)}`,
  `-d${String(seconds)}`,
  ...(use === "connection" ? ["-H", "Connection: close"] : []),
  url,
];

/** @throws when wrk did not run to its end. */
export function loadOf({ code, stdout, stderr }: Outcome): Load {
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  const requests = /(\d+) requests in/.exec(stdout)?.[1];
  if (code !== 0 || perSecond === undefined || requests === undefined)
    throw new Error(`wrk: exit ${String(code)}: ${stderr || stdout}`);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const other = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.slice(1) ?? [];
  const errors = [...broken, ...other].reduce((sum, count) => sum + Number(count), 0);
  return { perSecond: Number(perSecond), requests: Number(requests), errors };
}

/** Runs all turns once a round, in an order that is turned over each time: what else the machine does changes slowly. */
export async function inTurns<Name extends string>(
  turns: Readonly<Record<Name, Turn>>,
  rounds: number,
): Promise<Rounds<Name>> {
  const names = Object.keys(turns) as Name[];
  const all: Record<Name, Load>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const results: Partial<Record<Name, Load>> = {};
    for (const name of round % 2 === 0 ? names : names.toReversed()) results[name] = await turns[name]();
    all.push(results as Record<Name, Load>);
    console.error(
      `round ${String(round + 1)}/${String(rounds)}: ${names.map((name) => `${name} ${String(Math.round(results[name]?.perSecond ?? 0))}`).join(", ")}`,
    );
  }
  return new Rounds(all);
}

/** What all turns of all rounds came to. */
export class Rounds<Name extends string> {
  readonly #all: readonly Readonly<Record<Name, Load>>[];

  constructor(all: readonly Readonly<Record<Name, Load>>[]) {
    this.#all = all;
  }

  /** These rounds, and others of the same turns. */
  and(more: Rounds<Name>): Rounds<Name> {
    return new Rounds([...this.#all, ...more.#all]);
  }

  /** The median of the rounds' own ratios: each compares what ran side by side. */
  ratio(name: Name, beside: Name): number {
    return rounded(median(this.#all.map((round) => round[name].perSecond / round[beside].perSecond)));
  }

  perSecond(name: Name): number {
    return Math.round(median(this.#all.map((round) => round[name].perSecond)));
  }

  total(figure: "requests" | "errors"): number {
    const loads = this.#all.flatMap((round) => Object.values<Load>(round));
    return loads.reduce((sum, load) => sum + load[figure], 0);
  }
}
