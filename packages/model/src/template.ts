import type { ContainerSpec } from "./container-spec.ts";

/*
 * The templates that users of Docker Swarm write, and no more of Go's: actions in double braces that name a fact or call
 * a function with a text, and texts around them. What else Go could do there is an error that says so.
 *
 *   {{.Service.Name}} {{.Service.ID}} {{.Service.Labels.NAME}} {{index .Service.Labels "NAME"}}
 *   {{.Node.ID}} {{.Node.Hostname}} {{.Node.Platform.OS}} {{.Node.Platform.Architecture}}
 *   {{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}
 *   {{env "NAME"}} {{secret "TARGET"}} {{config "TARGET"}}      in the contents of secrets and configs only
 */

/** What a template may name. */
export interface TemplateFacts {
  readonly service: {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly node: {
    readonly id: string;
    readonly hostname: string;
    readonly os: string;
    readonly architecture: string;
  };
  readonly task: { readonly id: string; readonly name: string; readonly slot: string };
  /** Left out where there are none: in a spec's own fields. Undefined is what nobody has. */
  readonly functions?: Readonly<Record<TemplateFunction, (argument: string) => string | undefined>>;
}

const TEMPLATE_FUNCTIONS = ["env", "secret", "config"] as const;
type TemplateFunction = (typeof TEMPLATE_FUNCTIONS)[number];

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "fact"; readonly path: string }
  | { readonly kind: "label"; readonly name: string }
  | { readonly kind: "call"; readonly name: TemplateFunction; readonly argument: string };

const FACTS: Readonly<Record<string, (facts: TemplateFacts) => string>> = {
  ".Service.ID": ({ service }) => service.id,
  ".Service.Name": ({ service }) => service.name,
  ".Node.ID": ({ node }) => node.id,
  ".Node.Hostname": ({ node }) => node.hostname,
  ".Node.Platform.OS": ({ node }) => node.os,
  ".Node.Platform.Architecture": ({ node }) => node.architecture,
  ".Task.ID": ({ task }) => task.id,
  ".Task.Name": ({ task }) => task.name,
  ".Task.Slot": ({ task }) => task.slot,
};

const KNOWN = "{{.Service.Name}}, {{.Service.Labels.NAME}}, {{.Task.Slot}}, {{.Node.Hostname}} and their like";

/** Whether there is anything to expand. */
const isTemplated = (text: string): boolean => text.includes("{{");

/**
 * What is wrong with a template, in one line; undefined when nothing is. `hasFunctions`: it is the contents of a secret or
 * config.
 */
export function templateProblem(text: string, { hasFunctions = false } = {}): string | undefined {
  if (!isTemplated(text)) return undefined;
  const parts = parse(text);
  if (typeof parts === "string") return parts;
  const call = parts.find((part) => part.kind === "call");
  if (call === undefined || hasFunctions) return undefined;
  return `{{${call.name} …}} works in the contents of secrets and configs only`;
}

/** The text with every action replaced. A `problem` is one line. */
export function expandTemplate(
  text: string,
  facts: TemplateFacts,
): { readonly text: string } | { readonly problem: string } {
  if (!isTemplated(text)) return { text };
  const parts = parse(text);
  if (typeof parts === "string") return { problem: parts };
  let expanded = "";
  for (const part of parts) {
    const value = valueOf(part, facts);
    if (value === undefined) return { problem: missing(part) };
    expanded += value;
  }
  return { text: expanded };
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
  const expand = (text: string): string => {
    const expanded = expandTemplate(text, facts);
    if ("text" in expanded) return expanded.text;
    problem ??= expanded.problem;
    return text;
  };
  const expandAll = (map: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(map).map(([key, text]) => [key, expand(text)]));
  const mounts = spec.mounts?.map((mount) => ({
    ...mount,
    target: expand(mount.target),
    ...(mount.source !== undefined && { source: expand(mount.source) }),
    ...(mount.volumeLabels && { volumeLabels: expandAll(mount.volumeLabels) }),
    ...(mount.volumeDriver && {
      volumeDriver: { ...mount.volumeDriver, options: expandAll(mount.volumeDriver.options) },
    }),
  }));
  const expanded = {
    ...spec,
    ...(spec.hostname !== undefined && { hostname: expand(spec.hostname) }),
    ...(spec.env && { env: spec.env.map((line) => nameIn(line) + expand(valueIn(line))) }),
    ...(mounts && { mounts }),
  };
  return problem === undefined ? { spec: expanded } : { problem };
}

function valueOf(part: Part, facts: TemplateFacts): string | undefined {
  switch (part.kind) {
    case "text":
      return part.text;
    case "fact":
      return FACTS[part.path]?.(facts);
    case "label":
      // As a map in Go: what isn't there is empty.
      return Object.hasOwn(facts.service.labels, part.name) ? facts.service.labels[part.name] : "";
    case "call":
      return facts.functions?.[part.name](part.argument);
  }
}

const missing = (part: Part): string =>
  part.kind === "call"
    ? `template: the task has no ${part.name === "env" ? "environment variable" : part.name} ${JSON.stringify(part.argument)}`
    : "template: it can't be expanded here";

/** The parts of a template, or what is wrong with it. */
function parse(text: string): readonly Part[] | string {
  const parts: Part[] = [];
  let rest = text;
  for (let open = rest.indexOf("{{"); open >= 0; open = rest.indexOf("{{")) {
    const close = closing(rest, open + 2);
    if (close < 0) return "template: {{ has no }}";
    let before = rest.slice(0, open);
    let action = rest.slice(open + 2, close);
    rest = rest.slice(close + 2);
    // Go's way to swallow the space around an action.
    if (/^-\s/.test(action)) {
      before = before.trimEnd();
      action = action.slice(1);
    }
    if (/\s-$/.test(action)) {
      rest = rest.trimStart();
      action = action.slice(0, -1);
    }
    const part = parseAction(action.trim());
    if (typeof part === "string") return part;
    if (before !== "") parts.push({ kind: "text", text: before });
    if (part !== undefined) parts.push(part);
  }
  if (rest !== "") parts.push({ kind: "text", text: rest });
  return parts;
}

/** Where `}}` is that isn't part of a quoted text; -1 when there is none. */
function closing(text: string, from: number): number {
  let quote = "";
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (quote === "") {
      if (character === "}" && text[at + 1] === "}") return at;
      if (character === '"' || character === "`") quote = character;
    } else if (character === "\\" && quote === '"') at += 1;
    else if (character === quote) quote = "";
  }
  return -1;
}

const LABEL = /^\.Service\.Labels\.([\p{L}_][\p{L}\p{N}_]*)$/u;
const INDEX = /^index\s+\.Service\.Labels\s+(\S.*)$/s;
const CALL = /^(env|secret|config)\s+(\S.*)$/s;

/** An action of a template; undefined for a comment; a text is what is wrong with it. */
function parseAction(action: string): Part | string | undefined {
  if (/^\/\*.*\*\/$/s.test(action)) return undefined;
  if (Object.hasOwn(FACTS, action)) return { kind: "fact", path: action };
  const label = LABEL.exec(action)?.[1];
  if (label !== undefined) return { kind: "label", name: label };
  const indexed = INDEX.exec(action)?.[1];
  const key = indexed === undefined ? undefined : unquote(indexed);
  if (key !== undefined) return { kind: "label", name: key };
  const literal = unquote(action);
  if (literal !== undefined) return { kind: "text", text: literal };
  const [, called, given] = CALL.exec(action) ?? [];
  const name = TEMPLATE_FUNCTIONS.find((known) => known === called);
  const argument = given === undefined ? undefined : unquote(given);
  if (name !== undefined && argument !== undefined) return { kind: "call", name, argument };
  const shown = action.length > 60 ? `${action.slice(0, 60)}…` : action;
  return `template: {{${shown.replaceAll(/\p{Cc}/gu, " ")}}} is nothing that Murmur expands: it knows ${KNOWN}`;
}

/** A text in Go's quotes; undefined for anything else. */
function unquote(quoted: string): string | undefined {
  if (/^`[^`]*`$/.test(quoted)) return quoted.slice(1, -1);
  if (!/^"(?:[^"\\\n]|\\["\\nrt])*"$/.test(quoted)) return undefined;
  return quoted.slice(1, -1).replaceAll(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
