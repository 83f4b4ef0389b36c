import { ClusterError } from "@murmur/base";
import { HOST, type Place } from "../kernel-object.ts";
import type { Batch, PlaceSteps, Step, Tool } from "../render/batch.ts";
import { flowTarget } from "../render/flow-lines.ts";
import { MET_SETS, TABLE } from "../render/nft-table.ts";
import type { CommandResult, Commands } from "./commands.ts";
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

  constructor({ commands, hostNetns }: RunnerOptions) {
    this.#commands = commands;
    this.#hostNetns = hostNetns;
  }

  /** Runs a program in a place. @throws ClusterError as `Commands.run` does */
  run(place: Place, argv: readonly [string, ...string[]], input = ""): Promise<CommandResult> {
    const netns = place === HOST ? this.#hostNetns : place;
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
      const { argv, input } = invocation(needed);
      const result = await this.run(place, argv, input);
      const hasEnded = place !== HOST && hasNoNamespace(result);
      problems.push(...problemsOf(needed, result).map((text) => ({ place, text, hasEnded })));
      if (hasEnded) break;
    }
    return problems;
  }

  /**
   * The lines for flows that there may be: to look for one costs the kernel a walk through the flows of all namespaces. The
   * rules were changed before this, so nothing new is sent to where these lines are about.
   */
  async #needed(place: Place, lines: readonly string[]): Promise<readonly string[]> {
    const { status, output } = await this.run(place, ["sh", "-c", LIST_MET]);
    if (status !== 0) return lines;
    const met = readMet(output.split("\n").map(parseJson));
    return lines.filter((line) => {
      const target = flowTarget(line);
      return target === undefined || met.has(target);
    });
  }
}

const LIST_MET = MET_SETS.map((name) => `nft -j list set ${TABLE} ${name}`).join(" && ");

/**
 * Whether a program could not be run in a place because that is no namespace any more. The engine's path of one that has
 * ended is for a moment an ordinary file, which the kernel says is no valid argument; then it is gone.
 */
export const hasNoNamespace = ({ status, errors }: CommandResult): boolean => status !== 0 && NO_NAMESPACE.test(errors);
const NO_NAMESPACE =
  /^nsenter: (?:cannot open [^\n]*: No such (?:file or directory|process)|reassociate to namespace [^\n]* failed: Invalid argument)/m;

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
export async function mapLimited<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of entries) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return results;
}

/** The output of a program that must succeed. @throws ClusterError `unavailable` with what it said */
export function outputOf(what: string, { status, output, errors }: CommandResult): string {
  if (status === 0) return output;
  throw new ClusterError("unavailable", `${what} failed: ${firstLine(errors) ?? `status ${String(status)}`}`);
}
