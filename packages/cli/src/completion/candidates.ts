import type { Command, Option } from "commander";
import { subcommandOf } from "../command.ts";

export interface Candidate {
  readonly word: string;
  readonly says: string;
}

/** What only the cluster, or the shell itself, can complete. */
export type Names =
  | "services"
  | "nodes"
  | "tasks"
  | "stacks"
  | "networks"
  | "cluster networks"
  | "volumes"
  | "secrets"
  | "configs"
  | "files";

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly names: Names | undefined;
  /** What was typed of the last word. */
  readonly prefix: string;
  /** Goes behind each name. */
  readonly suffix: string;
}

/** Kinds of names by the name of the argument that takes them. */
const NAMES_OF: Readonly<Record<string, Names>> = {
  service: "services",
  services: "services",
  scales: "services",
  node: "nodes",
  nodes: "nodes",
  task: "tasks",
  tasks: "tasks",
  stack: "stacks",
  stacks: "stacks",
  networks: "networks",
  volumes: "volumes",
  secrets: "secrets",
  configs: "configs",
  file: "files",
};
/** Kinds of names by what a flag calls its value. */
const VALUE_NAMES: Readonly<Record<string, Names>> = {
  path: "files",
  network: "cluster networks",
  secret: "secrets",
  config: "configs",
  node: "nodes",
};

/** What may stand in place of the last word, given those before it (without the program's own name). */
export function complete(program: Command, words: readonly string[]): Completion {
  const prefix = words.at(-1) ?? "";
  const walk = walkTo(program, words.slice(0, -1));
  const from = (candidates: readonly Candidate[], names?: Names, suffix = ""): Completion => ({
    candidates: candidates.filter(({ word }) => word.startsWith(prefix)),
    names,
    prefix,
    suffix,
  });
  if (walk.open !== undefined) return from(choicesOf(walk.open), valueNames(walk.open));
  if (!walk.endOfFlags && prefix.startsWith("-")) return completeFlag(walk, prefix);
  const subcommands = walk.command.commands.filter((sub) => !isHidden(walk.command, sub));
  if (subcommands.length > 0) return from(subcommands.map((sub) => ({ word: sub.name(), says: sub.summary() })));
  const parameters = walk.command.registeredArguments;
  const parameter = parameters[Math.min(walk.given, parameters.length - 1)];
  if (parameter === undefined || (walk.given >= parameters.length && !parameter.variadic)) return from([]);
  const choices = (parameter.argChoices ?? []).map((word) => ({ word, says: "" }));
  const name = parameter.name();
  return from(choices, NAMES_OF[name], name === "scales" ? "=" : "");
}

interface Walk {
  readonly command: Command;
  /** Arguments that were given already. */
  given: number;
  /** The flag whose value is the word at hand. */
  open: Option | undefined;
  endOfFlags: boolean;
}

/** Follows the words through the tree of commands. */
function walkTo(program: Command, words: readonly string[]): Walk {
  let walk: Walk = { command: program, given: 0, open: undefined, endOfFlags: false };
  for (const word of words) {
    if (walk.open !== undefined) {
      walk.open = undefined;
    } else if (!walk.endOfFlags && word === "--") {
      walk.endOfFlags = true;
    } else if (!walk.endOfFlags && word.startsWith("-")) {
      const option = walk.command.options.find(({ long, short }) => long === word || short === word);
      if (option?.required === true) walk.open = option;
    } else {
      const next = subcommandOf(walk.command, word);
      if (next === undefined) walk.given += 1;
      // Behind `help` stand the words of another command.
      else if (next.name() !== "help") walk = { ...walk, command: next };
    }
  }
  return walk;
}

function completeFlag({ command }: Walk, prefix: string): Completion {
  const cut = prefix.indexOf("=");
  const named = command.options.find(({ long }) => cut > 0 && long === prefix.slice(0, cut));
  if (named !== undefined) {
    const candidates = choicesOf(named).map(({ word, says }) => ({ word: `${prefix.slice(0, cut)}=${word}`, says }));
    return {
      candidates: candidates.filter(({ word }) => word.startsWith(prefix)),
      names: undefined,
      prefix,
      suffix: "",
    };
  }
  const flags = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? "", says: description }));
  const all = [...flags, { word: "--help", says: "Show this help" }].sort((a, b) => (a.word < b.word ? -1 : 1));
  return { candidates: all.filter(({ word }) => word.startsWith(prefix)), names: undefined, prefix, suffix: "" };
}

const choicesOf = ({ argChoices }: Option): readonly Candidate[] =>
  (argChoices ?? []).map((word) => ({ word, says: "" }));

function valueNames(option: Option): Names | undefined {
  const value = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? "";
  return VALUE_NAMES[value];
}

const isHidden = (parent: Command, sub: Command): boolean => !parent.createHelp().visibleCommands(parent).includes(sub);
