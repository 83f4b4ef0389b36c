import type { ContainerSpec } from "../container-spec.ts";
import type { ContentFunction } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import { runTemplate, type RunFacts } from "./run.ts";
import { TemplateError, type Expression, type TemplateNode } from "./syntax.ts";
import { UNKNOWN, type Fields } from "./value.ts";

/*
 * The templates that users of Docker Swarm write: Go's text/template, with the functions that SwarmKit has. What of the
 * language is left out (see parse.ts, functions.ts) is an error that says so.
 *
 *   {{.Service.Name}} {{.Service.ID}} {{.Service.Labels.NAME}} {{index .Service.Labels "NAME"}}
 *   {{.Node.ID}} {{.Node.Hostname}} {{.Node.Platform.OS}} {{.Node.Platform.Architecture}}
 *   {{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}
 *   {{if eq .Task.Slot "1"}} … {{else}} … {{end}} {{range $name, $value := .Service.Labels}} … {{end}}
 *   {{env "NAME"}} {{secret "TARGET"}} {{config "TARGET"}}      in the contents of secrets and configs only
 */

/** What a template may name. */
export interface TemplateFacts {
  readonly service: {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Undefined before the task has one: what depends on it can't be expanded. */
  readonly node:
    | {
        readonly id: string;
        readonly hostname: string;
        readonly os: string;
        readonly architecture: string;
      }
    | undefined;
  /** `slot` is undefined where it is the node's id, and that isn't known. */
  readonly task: { readonly id: string; readonly name: string; readonly slot: string | undefined };
  /** Left out where there are none: in a spec's own fields. Undefined is what nobody has. */
  readonly functions?: Readonly<Record<ContentFunction, (argument: string) => string | undefined>>;
}

/** Whether there is anything to expand. */
const isTemplated = (text: string): boolean => text.includes("{{");

/**
 * What is wrong with a template, in one line, as far as it can be told before it is expanded; undefined when nothing is.
 * `hasFunctions`: it is the contents of a secret or config.
 */
export function templateProblem(text: string, { hasFunctions = false } = {}): string | undefined {
  if (!isTemplated(text)) return undefined;
  return attempt(text, () => {
    const nodes = parseTemplate(text);
    for (const node of nodes) refuseStruct(node);
    for (const { expression, isRoot } of expressionsOf(nodes, true)) check(expression, { hasFunctions, isRoot });
    return undefined;
  }).problem;
}

/** The text with every action replaced. A `problem` is one line. */
export function expandTemplate(
  text: string,
  facts: TemplateFacts,
): { readonly text: string } | { readonly problem: string } {
  if (!isTemplated(text)) return { text };
  const { value, problem } = attempt(text, () => runTemplate(parseTemplate(text), runFactsOf(facts)));
  return problem === undefined ? { text: value ?? "" } : { problem };
}

/** Does something with a template; what is wrong with it comes with its place. */
function attempt<T>(text: string, act: () => T): { readonly value?: T; readonly problem?: string } {
  try {
    return { value: act() };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const before = text.slice(0, error.at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    const where = text.includes("\n") ? `line ${before.length}, column ${column}` : `column ${column}`;
    return { problem: `template: ${where}: ${error.message}` };
  }
}

function runFactsOf({ service, node, task, functions }: TemplateFacts): RunFacts {
  const root: Fields = {
    fields: {
      Service: {
        fields: { ID: service.id, Name: service.name, Labels: new Map(Object.entries(service.labels)) },
      },
      Node: {
        fields: {
          ID: node?.id ?? UNKNOWN,
          Hostname: node?.hostname ?? UNKNOWN,
          Platform: { fields: { OS: node?.os ?? UNKNOWN, Architecture: node?.architecture ?? UNKNOWN } },
        },
      },
      Task: { fields: { ID: task.id, Name: task.name, Slot: task.slot ?? UNKNOWN } },
    },
  };
  return { root, content: functions && ((name, argument) => functions[name](argument)) };
}

/** What fields there are; `*` is any. */
const FIELDS = [
  ["Service", "ID"],
  ["Service", "Name"],
  ["Service", "Labels", "*"],
  ["Node", "ID"],
  ["Node", "Hostname"],
  ["Node", "Platform", "OS"],
  ["Node", "Platform", "Architecture"],
  ["Task", "ID"],
  ["Task", "Name"],
  ["Task", "Slot"],
] as const;

const KNOWN = ".Service.Name, .Service.Labels.NAME, .Task.Slot, .Node.Hostname and their like";

/** Refuses to show what has fields, where that is plain to see. */
function refuseStruct(node: TemplateNode): void {
  if (node.kind !== "action" || node.pipeline.variables.length > 0) return;
  const { expression } = node.pipeline;
  if (expression.kind !== "field" || (expression.of !== "." && expression.of !== "$")) return;
  const { path, at } = expression;
  const goesOn = (field: readonly string[]): boolean =>
    field.length > path.length && path.every((name, place) => field[place] === name);
  if (path.at(-1) !== "Labels" && FIELDS.some(goesOn))
    throw new TemplateError(at, `.${path.join(".")} has fields: name one of them`);
}

/** Refuses names that nothing has, and functions that aren't for this template. */
function check(expression: Expression, given: { readonly hasFunctions: boolean; readonly isRoot: boolean }): void {
  const { hasFunctions, isRoot } = given;
  if (expression.kind === "call") {
    const { name, at, args } = expression;
    if ((name === "env" || name === "secret" || name === "config") && !hasFunctions)
      throw new TemplateError(at, `{{${name} …}} works in the contents of secrets and configs only`);
    for (const argument of args) check(argument, given);
    return;
  }
  if (expression.kind !== "field") return;
  const { of, path, at } = expression;
  const isOfRoot = of === "$" || (of === "." && isRoot);
  if (!isOfRoot) return;
  const isKnown = FIELDS.some((field) => path.every((name, place) => field[place] === name || field[place] === "*"));
  if (!isKnown) throw new TemplateError(at, `.${path.join(".")} is nothing that there is: there are ${KNOWN}`);
}

/** Every expression, and whether the dot is there what the template began with. */
function* expressionsOf(
  nodes: readonly TemplateNode[],
  isRoot: boolean,
): Generator<{ readonly expression: Expression; readonly isRoot: boolean }, void, undefined> {
  for (const node of nodes) {
    if (node.kind === "text") continue;
    yield { expression: node.pipeline.expression, isRoot };
    if (node.kind === "action") continue;
    yield* expressionsOf(node.body, isRoot && node.kind === "if");
    yield* expressionsOf(node.otherwise, isRoot);
  }
}

/** A templated name with something that a name may hold in place of each action. */
export const withoutActions = (text: string): string => text.replaceAll(/\{\{.*?\}\}/g, "x");

/** What is wrong with the templates of a container's spec, with the field; undefined when nothing is. */
export function containerTemplateProblem(spec: ContainerSpec): string | undefined {
  for (const [field, text] of templatedFields(spec)) {
    const problem = templateProblem(text);
    if (problem !== undefined) return `${field}: ${problem}`;
  }
  return undefined;
}

function* templatedFields({ hostname, env = [], mounts = [] }: ContainerSpec): Generator<readonly [string, string]> {
  if (hostname !== undefined) yield ["hostname", hostname];
  for (const [at, text] of env.entries()) yield [`env[${at}]`, valueIn(text)];
  for (const [at, { source, target, volumeLabels, volumeDriver }] of mounts.entries()) {
    if (source !== undefined) yield [`mounts[${at}].source`, source];
    yield [`mounts[${at}].target`, target];
    for (const text of Object.values(volumeLabels ?? {})) yield [`mounts[${at}].volumeLabels`, text];
    for (const text of Object.values(volumeDriver?.options ?? {})) yield [`mounts[${at}].volumeDriver`, text];
  }
}

/** As Docker, only what comes behind the first `=` of a variable is a template. */
const valueIn = (line: string): string => (line.includes("=") ? line.slice(line.indexOf("=") + 1) : "");
const nameIn = (line: string): string => line.slice(0, line.length - valueIn(line).length);

/** The spec with every template in it expanded, or what is wrong with one: the fields that Docker expands, no others. */
export function expandContainer(
  spec: ContainerSpec,
  facts: TemplateFacts,
): { readonly spec: ContainerSpec } | { readonly problem: string } {
  if (![...templatedFields(spec)].some(([, text]) => isTemplated(text))) return { spec };
  let problem: string | undefined;
  const expand = (text: string, field: string): string => {
    const expanded = expandTemplate(text, facts);
    if ("text" in expanded) return expanded.text;
    problem ??= `${field}: ${expanded.problem}`;
    return text;
  };
  const expandAll = (map: Readonly<Record<string, string>>, field: string): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(map).map(([key, text]) => [key, expand(text, field)]));
  const mounts = spec.mounts?.map((mount, at) => ({
    ...mount,
    target: expand(mount.target, `mounts[${at}].target`),
    ...(mount.source !== undefined && { source: expand(mount.source, `mounts[${at}].source`) }),
    ...(mount.volumeLabels && { volumeLabels: expandAll(mount.volumeLabels, `mounts[${at}].volumeLabels`) }),
    ...(mount.volumeDriver && {
      volumeDriver: {
        ...mount.volumeDriver,
        options: expandAll(mount.volumeDriver.options, `mounts[${at}].volumeDriver`),
      },
    }),
  }));
  const expanded = {
    ...spec,
    ...(spec.hostname !== undefined && { hostname: expand(spec.hostname, "hostname") }),
    ...(spec.env && { env: spec.env.map((line, at) => nameIn(line) + expand(valueIn(line), `env[${at}]`)) }),
    ...(mounts && { mounts }),
  };
  return problem === undefined ? { spec: expanded } : { problem };
}
