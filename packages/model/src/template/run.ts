import { callBuiltin, isContentFunction, type ContentFunction } from "./functions.ts";
import { TemplateError, type Expression, type Pipeline, type Place, type TemplateNode } from "./syntax.ts";
import { isFields, isMap, isTrue, kindOf, textOf, UNKNOWN, type Fields, type Value } from "./value.ts";

/** What a template may make, in UTF-16 units; also of each value on the way. */
const OUTPUT_MAX = 1_024_000;
/** What a template may take: one for each step, and one more for each 64 units that a function takes or makes. */
const WORK_MAX = 200_000;

export interface RunFacts {
  /** What the template begins with. */
  readonly root: Fields;
  /** Undefined: not in this template. Gives undefined for what nobody has. */
  readonly content: ((name: ContentFunction, argument: string) => string | undefined) | undefined;
}

/** The template's text. Throws a `TemplateError`. */
export function runTemplate(nodes: readonly TemplateNode[], facts: RunFacts): string {
  const run = new Run(facts);
  run.list(nodes, facts.root);
  return run.text;
}

class Run {
  readonly #facts: RunFacts;
  readonly #parts: string[] = [];
  readonly #variables: { readonly name: string; value: Value }[];
  #length = 0;
  #work = 0;

  constructor(facts: RunFacts) {
    this.#facts = facts;
    this.#variables = [{ name: "$", value: facts.root }];
  }

  get text(): string {
    return this.#parts.join("");
  }

  list(nodes: readonly TemplateNode[], dot: Value): void {
    const known = this.#variables.length;
    for (const node of nodes) this.#node(node, dot);
    this.#variables.length = known;
  }

  #node(node: TemplateNode, dot: Value): void {
    switch (node.kind) {
      case "text":
        this.#put(node.text, 0);
        return;
      case "action": {
        const { pipeline } = node;
        const value = this.#pipeline(pipeline, dot);
        if (pipeline.variables.length > 0) return;
        const text = textOf(value);
        if (text === undefined) throw new TemplateError(pipeline.at, "it has fields: name one of them");
        this.#put(text, pipeline.at);
        return;
      }
      case "if":
      case "with": {
        const known = this.#variables.length;
        const value = this.#pipeline(node.pipeline, dot);
        if (!isTrue(value)) this.list(node.otherwise, dot);
        else this.list(node.body, node.kind === "with" ? value : dot);
        this.#variables.length = known;
        return;
      }
      case "range":
        this.#range(node, dot);
        return;
    }
  }

  #range(node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>, dot: Value): void {
    const { pipeline, body, otherwise } = node;
    const { variables, isDeclaration, at } = pipeline;
    const over = this.#value(pipeline.expression, dot);
    if (!isMap(over))
      throw new TemplateError(at, `range goes over a map, such as .Service.Labels, not over ${kindOf(over)}`);
    const entries = [...over].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const known = this.#variables.length;
    for (const [key, value] of entries) {
      this.#spend(1, at);
      const given = variables.length === 2 ? [key, value] : [value];
      for (const [place, name] of variables.entries()) this.#assign(name, given[place] ?? "", isDeclaration);
      this.list(body, value);
      this.#variables.length = known;
    }
    if (entries.length === 0) this.list(otherwise, dot);
  }

  #pipeline({ variables, isDeclaration, expression }: Pipeline, dot: Value): Value {
    const value = this.#value(expression, dot);
    for (const name of variables) this.#assign(name, value, isDeclaration);
    return value;
  }

  #assign(name: string, value: Value, isNew: boolean): void {
    const variable = isNew ? undefined : this.#variables.findLast((known) => known.name === name);
    if (variable === undefined) this.#variables.push({ name, value });
    else variable.value = value;
  }

  #value(expression: Expression, dot: Value): Value {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "field":
        this.#spend(1, expression.at);
        return this.#field(expression, dot);
      case "call":
        this.#spend(1, expression.at);
        return this.#call(expression, dot);
    }
  }

  #field({ of, path, at }: Extract<Expression, { kind: "field" }>, dot: Value): Value {
    const from = of === "." ? dot : this.#variables.findLast(({ name }) => name === of)?.value;
    if (from === undefined) throw new TemplateError(at, `undefined variable ${of}`);
    return path.reduce((value, name) => member(value, name, at), from);
  }

  #call({ name, args, at }: Extract<Expression, { kind: "call" }>, dot: Value): Value {
    if (name === "and" || name === "or") return this.#first(name, { args, at }, dot);
    const values = args.map((argument) => this.#value(argument, dot));
    for (const value of values) if (typeof value === "string") this.#spend(value.length / 64, at);
    const result = isContentFunction(name)
      ? this.#content(name, { values, isWritten: args[0]?.kind === "literal" }, at)
      : callBuiltin(name, values);
    if ("problem" in result) throw new TemplateError(at, `${name} ${result.problem}`);
    const { value } = result;
    if (typeof value === "string") {
      this.#spend(value.length / 64, at);
      if (value.length > OUTPUT_MAX) throw new TemplateError(at, `it makes more than ${OUTPUT_MAX} characters`);
    }
    return value;
  }

  /** The first that decides, else the last; those after it aren't computed. */
  #first(
    name: "and" | "or",
    { args, at }: { readonly args: readonly Expression[]; readonly at: Place },
    dot: Value,
  ): Value {
    let value: Value | undefined;
    for (const argument of args) {
      value = this.#value(argument, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    if (value === undefined) throw new TemplateError(at, `${name} takes one value or more`);
    return value;
  }

  #content(
    name: ContentFunction,
    given: { readonly values: readonly Value[]; readonly isWritten: boolean },
    at: Place,
  ): { readonly value: Value } | { readonly problem: string } {
    const [argument, ...more] = given.values;
    if (typeof argument !== "string" || more.length > 0) return { problem: "takes one text" };
    const { content } = this.#facts;
    if (content === undefined)
      throw new TemplateError(at, `{{${name} …}} works in the contents of secrets and configs only`);
    const value = content(name, argument);
    if (value !== undefined) return { value };
    const what = name === "env" ? "environment variable" : name;
    // A name that was computed may hold what is in a secret.
    const which = given.isWritten ? JSON.stringify(argument) : "of the name that is computed here";
    throw new TemplateError(at, `the task has no ${what} ${which}`);
  }

  #put(text: string, at: Place): void {
    this.#length += text.length;
    if (this.#length > OUTPUT_MAX) throw new TemplateError(at, `it makes more than ${OUTPUT_MAX} characters`);
    this.#spend(1, at);
    this.#parts.push(text);
  }

  #spend(work: number, at: Place): void {
    this.#work += work;
    if (this.#work > WORK_MAX) throw new TemplateError(at, "it takes too many steps");
  }
}

/** A field of a value, or a map's entry: as an empty text where there is none. */
function member(value: Value, name: string, at: Place): Value {
  if (isMap(value)) return value.get(name) ?? "";
  const found = isFields(value) && Object.hasOwn(value.fields, name) ? value.fields[name] : undefined;
  if (found === undefined) {
    const whose = isFields(value) ? "there is" : `${kindOf(value)} has`;
    throw new TemplateError(at, `.${name} is nothing that ${whose}`);
  }
  if (found === UNKNOWN) throw new TemplateError(at, `.${name} isn't known before the task has a node`);
  return found;
}
