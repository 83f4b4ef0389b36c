import { ClusterError } from "@murmur/base";
import { HOST, type Place } from "../kernel-object.ts";
import type { Batch, PlaceSteps, Step, Tool } from "../render/batch.ts";
import { flowTarget } from "../render/flow-lines.ts";
import { MET_SETS, TABLE } from "../render/nft-table.ts";
import { hasNoNamespace, type CommandResult, type Commands } from "./commands.ts";
import type { NftShells } from "./nft-shells.ts";
import { parseJson } from "./read-json.ts";
import { readMet } from "./read-nft.ts";

/**
 * Child processes at once: each place's are one after the other. Mostly they wait: the kernel ends a transaction of nft only
 * when no packet is inside the old rules any more (25 ms on a busy host).
 */
const CONCURRENCY = 16;

const ARGUMENTS = {
  ip: ["ip", "-force", "-batch", "-"],
  ip6: ["ip", "-6", "-force", "-batch", "-"],
  bridge: ["bridge", "-force", "-batch", "-"],
  sysctl: ["sh", "-c", 'while read -r path value; do echo "$value" >"/proc/sys/$path" || bad=1; done; exit ${bad:-0}'],
  nft: ["nft", "-f", "-"],
  // It opens its input by name, which it can't if that is a socket, as Node's are; and prints each flow that it forgets.
  conntrack: ["sh", "-c", "cat | conntrack -R - >/dev/null"],
  iptables: ["iptables-restore", "--noflush", "--wait", "5"],
  ip6tables: ["ip6tables-restore", "--noflush", "--wait", "5"],
} as const satisfies Record<Tool, readonly [string, ...string[]]>;

export interface RunnerOptions {
  readonly commands: Commands;
  /** Path of the namespace that stands for the host; undefined: the process's own. */
  readonly hostNetns?: string | undefined;
}

interface RunnerParts extends RunnerOptions {
  /** Where something is changed again and again; left out: each transaction of nft is a process. */
  readonly shells?: NftShells;
}

export interface Problem {
  readonly place: Place;
  /** One line: the tool, what it was told, and what it said. */
  readonly text: string;
  /** The container is gone, and its namespace with it: there is nothing to do there any more. */
  readonly hasEnded: boolean;
}

/** Runs programs in places: the host's namespace and those of containers. */
export class Runner {
  readonly #commands: Commands;
  readonly #hostNetns: string | undefined;
  readonly #shells: NftShells | undefined;

  constructor({ commands, hostNetns, shells }: RunnerParts) {
    this.#commands = commands;
    this.#hostNetns = hostNetns;
    this.#shells = shells;
  }

  /** Runs a program in a place. @throws ClusterError as `Commands.run` does */
  run(place: Place, argv: readonly [string, ...string[]], input = ""): Promise<CommandResult> {
    const netns = this.#netnsOf(place);
    return this.#commands.run({ argv: netns === undefined ? argv : ["nsenter", `--net=${netns}`, ...argv], input });
  }

  /** Runs a program in a namespace of its own, which ends with it. */
  runApart(argv: readonly [string, ...string[]], input: string): Promise<CommandResult> {
    return this.#commands.run({ argv: ["unshare", "--net", ...argv], input });
  }

  /** Does a batch. What fails does not keep the rest from being done. @throws ClusterError as `Commands.run` does */
  async apply(batch: Batch): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    for (const phase of batch) {
      const found = await mapLimited(phase, (steps) => this.#place(steps));
      problems.push(...found.flat());
    }
    return problems;
  }

  async #place({ place, steps }: PlaceSteps): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    for (const step of steps) {
      const needed = step.tool === "conntrack" ? { ...step, lines: await this.#needed(place, step.lines) } : step;
      if (needed.lines.length === 0) continue;
      const result = await this.#step(place, needed);
      const hasEnded = place !== HOST && hasNoNamespace(result);
      problems.push(...problemsOf(needed, result).map((text) => ({ place, text, hasEnded })));
      if (hasEnded) break;
    }
    if (place !== HOST && steps.some(isFarewell)) this.#shells?.leave(place);
    return problems;
  }

  async #step(place: Place, step: Step): Promise<CommandResult> {
    const done = step.tool === "nft" && !hasBlock(step) ? await this.#inShell(place, step.lines) : undefined;
    const { argv, input } = invocation(step);
    return done ?? (await this.run(place, argv, input));
  }

  async #inShell(place: Place, lines: readonly string[]): Promise<CommandResult | undefined> {
    return await this.#shells?.run(place, this.#netnsOf(place), lines);
  }

  #netnsOf(place: Place): string | undefined {
    return place === HOST ? this.#hostNetns : place;
  }

  /**
   * The lines for flows that there may be: to look for one costs the kernel a walk through the flows of all namespaces. The
   * rules were changed before this, so nothing new is sent to where these lines are about.
   */
  async #needed(place: Place, lines: readonly string[]): Promise<readonly string[]> {
    const met = new Set<string>();
    for (const name of MET_SETS) {
      const list = `list set ${TABLE} ${name}`;
      const { status, output } =
        (await this.#inShell(place, [list])) ?? (await this.run(place, ["nft", "-j", ...list.split(" ")]));
      if (status !== 0) return lines;
      for (const address of readMet(parseJson(output))) met.add(address);
    }
    return lines.filter((line) => {
      const target = flowTarget(line);
      return target === undefined || met.has(target);
    });
  }
}

/** A whole table is written in several lines that are one command: there it begins, so it comes once to each place. */
const hasBlock = ({ lines }: Step): boolean => lines.some((line) => line.endsWith("{"));

/** The table goes from a container that isn't ours any more. */
const isFarewell = ({ tool, lines }: Step): boolean => tool === "nft" && lines.at(-1) === `delete table ${TABLE}`;

/** One flow to forget is the rule, in many places at once: then no shell and no pipe are started for it. */
function invocation({ tool, lines }: Step): { readonly argv: readonly [string, ...string[]]; readonly input: string } {
  const [first, second] = lines;
  if (tool === "conntrack" && first !== undefined && second === undefined)
    return { argv: ["conntrack", ...first.split(" ")], input: "" };
  return { argv: ARGUMENTS[tool], input: `${lines.join("\n")}\n` };
}

/** What went wrong with which line, as the tool said it. */
function problemsOf({ tool, lines }: Step, { status, errors }: CommandResult): readonly string[] {
  // It ends with 1 when there was no such flow, too.
  if (status === 0 || (tool === "conntrack" && status === 1)) return [];
  const failed = [...errors.matchAll(/(?<why>[^\n]*)\n?Command failed -:(?<line>[0-9]+)/g)];
  if (failed.length === 0) return [`${tool}: ${firstLine(errors) ?? `ended with status ${String(status)}`}`];
  return failed.flatMap(({ groups }) => {
    const [line, why] = [lines[Number(groups?.["line"]) - 1] ?? "", groups?.["why"] ?? ""];
    return UNDOING.test(line) && GONE.test(why) ? [] : [`${tool} ${line}: ${why}`];
  });
}

/**
 * Undoing what is gone already is no problem: containers and bridges go without asking. Nor is a port that is gone when it
 * should be prepared: its container has ended.
 */
const UNDOING = /^\w+ delete |hairpin (?:on|off)$/;
const GONE = /No such|Cannot find|Cannot assign/;

const firstLine = (text: string): string | undefined => text.split("\n").find((line) => line.trim() !== "");

/** Does the work for each item, a few at once, and keeps their order. */
export async function mapLimited<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  atOnce = CONCURRENCY,
): Promise<readonly R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of entries) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** The output of a program that must succeed. @throws ClusterError `unavailable` with what it said */
export function outputOf(what: string, { status, output, errors }: CommandResult): string {
  if (status === 0) return output;
  throw new ClusterError("unavailable", `${what} failed: ${firstLine(errors) ?? `status ${String(status)}`}`);
}
