import type { ServiceSpec } from "@murmur/api";
import { ClusterError, codeOf, messageOf } from "@murmur/base";
import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import { listOption } from "../command.ts";
import type { FlagContext, ListFlag, ServiceFlag } from "./flag.ts";
import { SERVICE_FLAGS } from "./flag-table.ts";
import { NO_HEALTHCHECK } from "./flags/health-flags.ts";
import { ROLLBACK_FLAGS, UPDATE_FLAGS } from "./flags/update-flags.ts";

export type Purpose = "create" | "update";

const flagsFor = (purpose: Purpose): readonly ServiceFlag[] =>
  SERVICE_FLAGS.filter(({ only }) => only === undefined || only === purpose);

/** An update changes the entries of a list that has a way to remove some; a create sets all of it. */
const isEdited = (flag: ListFlag, purpose: Purpose): boolean => purpose === "update" && flag.remove !== undefined;

export function addServiceFlags(command: Command, purpose: Purpose): Command {
  for (const flag of flagsFor(purpose)) {
    for (const option of optionsOf(flag, purpose)) command.addOption(option);
  }
  return command.option(`--${NO_HEALTHCHECK.name}`, NO_HEALTHCHECK.help);
}

function optionsOf(flag: ServiceFlag, purpose: Purpose): Option[] {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const help =
    flag.default === undefined || purpose === "update" ? flag.help : `${flag.help} (default: ${flag.default})`;
  switch (flag.kind) {
    case "value": {
      const option = new Option(`${short}--${flag.name} <${flag.value}>`, help);
      return [flag.choices === undefined ? option : option.choices(flag.choices)];
    }
    case "switch":
      return [new Option(`${short}--${flag.name}`, help), new Option(`--no-${flag.name}`, "").hideHelp()];
    case "list":
      if (!isEdited(flag, purpose)) return [listOption(`${short}--${flag.name} <${flag.value}>`, help)];
      return [
        listOption(`--${flag.name}-add <${flag.value}>`, `Add or update: ${lowerFirst(help)}`),
        listOption(`--${flag.name}-rm <${flag.remove?.value ?? ""}>`, flag.remove?.help ?? ""),
      ];
  }
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;

/** The flags of a command line as commander has read them, by name. */
type Given = ReadonlyMap<string, unknown>;

/**
 * Applies the flags that were given to a spec, in place. Errors: `invalid_argument`, naming the flag.
 */
export function applyServiceFlags(
  command: Command,
  spec: ServiceSpec,
  how: { readonly purpose: Purpose; readonly context: FlagContext },
): void {
  const given = givenOptions(command);
  for (const flag of flagsFor(how.purpose)) applyFlag(flag, given, { spec, ...how });
  if (given.get("healthcheck") === false) {
    named(NO_HEALTHCHECK.name, () => NO_HEALTHCHECK.set(spec, [...given.keys()]));
  }
  checkJob(spec, given);
  if (how.purpose === "create") runTogether(spec);
}

/** As many of a job's tasks as it has, unless it is said how many: the API alone takes one at a time for meant. */
function runTogether({ Mode }: ServiceSpec): void {
  const job = Mode?.ReplicatedJob;
  if (job?.TotalCompletions !== undefined) job.MaxConcurrent ??= job.TotalCompletions;
}

/** A job's tasks aren't replaced one after the other: an update starts it anew. */
function checkJob({ Mode }: ServiceSpec, given: Given): void {
  if (Mode?.ReplicatedJob === undefined && Mode?.GlobalJob === undefined) return;
  const name = [...UPDATE_FLAGS, ...ROLLBACK_FLAGS].map((flag) => flag.name).find((flag) => given.has(flag));
  if (name !== undefined) throw invalid(`--${name}: update and rollback configuration is not supported for jobs`);
}

function givenOptions(command: Command): Given {
  const given = new Map<string, unknown>();
  for (const option of command.options) {
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) !== "cli") continue;
    given.set(option.name().replace(/^no-/, ""), command.getOptionValue(attribute));
  }
  return given;
}

function applyFlag(
  flag: ServiceFlag,
  given: Given,
  how: { readonly spec: ServiceSpec; readonly purpose: Purpose; readonly context: FlagContext },
): void {
  const { spec, purpose, context } = how;
  switch (flag.kind) {
    case "value": {
      const value = given.get(flag.name);
      if (typeof value === "string") named(flag.name, () => flag.set(spec, value));
      return;
    }
    case "switch": {
      const value = given.get(flag.name);
      if (typeof value === "boolean") named(flag.name, () => flag.set(spec, value));
      return;
    }
    case "list": {
      const edited = isEdited(flag, purpose);
      const removed = edited ? textsOf(given, `${flag.name}-rm`) : [];
      const added = textsOf(given, edited ? `${flag.name}-add` : flag.name);
      // What is removed and added again is replaced.
      if (removed.length > 0) named(`${flag.name}-rm`, () => flag.remove?.from(spec, removed, context));
      if (added.length > 0) named(edited ? `${flag.name}-add` : flag.name, () => flag.add(spec, added, context));
    }
  }
}

function textsOf(given: Given, name: string): readonly string[] {
  const value = given.get(name);
  return Array.isArray(value) ? value.map(String) : [];
}

/** Runs what reads a flag's value; an error names the flag. */
function named(name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new ClusterError(codeOf(error), `--${name}: ${messageOf(error)}`, { cause: error });
  }
}
