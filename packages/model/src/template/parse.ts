import { isFunction } from "./functions.ts";
import { lexTemplate, type Piece, type Token } from "./lex.ts";
import { TemplateError, type Expression, type Pipeline, type Place, type TemplateNode } from "./syntax.ts";

/** How deep actions and parentheses may be nested. */
const DEPTH_MAX = 32;

type Action = Extract<Piece, { kind: "action" }>;
type End = { readonly keyword: "end" | "else"; readonly tokens: Tokens; readonly at: Place };

/** The parts of a template. Throws a `TemplateError`. */
export function parseTemplate(template: string): readonly TemplateNode[] {
  return new Parser(template).parse();
}

/** Go's text/template without `define`, `template`, `block`, `break`, `continue` and methods. */
class Parser {
  readonly #pieces: Iterator<Piece, void, undefined>;
  /** Variables that are known here, those of inner blocks last. */
  #variables: string[] = ["$"];
  #depth = 0;

  constructor(template: string) {
    this.#pieces = lexTemplate(template);
  }

  parse(): readonly TemplateNode[] {
    const { nodes, end } = this.#list();
    if (end !== undefined) throw new TemplateError(end.at, `{{${end.keyword}}} closes nothing`);
    return nodes;
  }

  #list(): { readonly nodes: readonly TemplateNode[]; readonly end?: End } {
    const nodes: TemplateNode[] = [];
    for (let piece = this.#pieces.next(); piece.done !== true; piece = this.#pieces.next()) {
      const { value } = piece;
      if (value.kind === "text") nodes.push(value);
      else {
        const tokens = new Tokens(value);
        const keyword = tokens.keyword();
        if (keyword === "end" || keyword === "else") return { nodes, end: { keyword, tokens, at: value.at } };
        nodes.push(this.#node(keyword, tokens, value));
      }
    }
    return { nodes };
  }

  #node(keyword: Exclude<Keyword, "end" | "else"> | undefined, tokens: Tokens, { at }: Action): TemplateNode {
    switch (keyword) {
      case "if":
      case "with":
      case "range":
        return this.#block(keyword, tokens, at);
      case "define":
      case "template":
      case "block":
      case "break":
      case "continue":
        throw new TemplateError(at, `Murmur doesn't know {{${keyword}}}`);
      case undefined: {
        const pipeline = this.#pipeline(tokens, 1);
        tokens.end();
        return { kind: "action", pipeline };
      }
    }
  }

  #block(kind: "if" | "with" | "range", tokens: Tokens, at: Place): TemplateNode {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new TemplateError(at, `more than ${DEPTH_MAX} blocks in each other`);
    const outside = this.#variables.length;
    const pipeline = this.#pipeline(tokens, kind === "range" ? 2 : 1);
    tokens.end();
    const inside = this.#variables.length;
    const { nodes: body, end } = this.#list();
    this.#variables.length = inside;
    if (end === undefined) throw new TemplateError(at, `{{${kind}}} has no {{end}}`);
    const otherwise = end.keyword === "end" ? this.#noMore(end) : this.#otherwise(kind, end);
    this.#variables.length = outside;
    this.#depth -= 1;
    return { kind, pipeline, body, otherwise };
  }

  #noMore({ tokens }: End): readonly TemplateNode[] {
    tokens.end();
    return [];
  }

  /** `{{else if …}}` and `{{else with …}}` end with the block that they are in. */
  #otherwise(kind: "if" | "with" | "range", { tokens, at }: End): readonly TemplateNode[] {
    const again = tokens.keyword();
    if (again !== undefined && again === kind && kind !== "range") return [this.#block(kind, tokens, at)];
    tokens.end();
    const { nodes, end } = this.#list();
    if (end?.keyword !== "end") throw new TemplateError(at, "{{else}} has no {{end}}");
    return this.#noMore(end).length === 0 ? nodes : [];
  }

  #pipeline(tokens: Tokens, namesMax: number): Pipeline {
    const { at } = tokens;
    const { names, isDeclaration } = this.#names(tokens, namesMax);
    const expression = this.#pipe(tokens);
    if (isDeclaration) this.#variables.push(...names);
    return { variables: names, isDeclaration, expression, at };
  }

  #names(tokens: Tokens, namesMax: number): { readonly names: readonly string[]; readonly isDeclaration: boolean } {
    const found = tokens.assignment();
    if (found === undefined) return { names: [], isDeclaration: false };
    const { names, isDeclaration, at } = found;
    if (names.length > namesMax) throw new TemplateError(at, "too many variables");
    const unknown = isDeclaration ? undefined : names.find((name) => !this.#variables.includes(name));
    if (unknown !== undefined) throw new TemplateError(at, `undefined variable ${unknown}`);
    if (names.includes("$")) throw new TemplateError(at, "$ alone is what the template began with");
    return { names, isDeclaration };
  }

  #pipe(tokens: Tokens): Expression {
    let value = this.#command(tokens, undefined);
    while (tokens.takes("|")) value = this.#command(tokens, value);
    return value;
  }

  /** A value, or a function with what it is given; `last` is what comes through the pipe. */
  #command(tokens: Tokens, last: Expression | undefined): Expression {
    const { at } = tokens;
    const name = tokens.name();
    if (name !== undefined && !isFunction(name))
      throw new TemplateError(at, `function ${JSON.stringify(name)} not defined`);
    const args: Expression[] = [];
    while (tokens.hasOperand) args.push(this.#operand(tokens));
    if (name !== undefined) return { kind: "call", name, args: last === undefined ? args : [...args, last], at };
    const [only] = args;
    if (only === undefined) throw new TemplateError(at, "a value is missing");
    if (args.length > 1 || last !== undefined) throw new TemplateError(at, "this is no function: it takes nothing");
    return only;
  }

  #operand(tokens: Tokens): Expression {
    const token = tokens.next();
    switch (token.kind) {
      case "literal":
        return { kind: "literal", value: token.value };
      case "field":
        if (token.of !== "." && !this.#variables.includes(token.of))
          throw new TemplateError(token.at, `undefined variable ${token.of}`);
        return { kind: "field", of: token.of, path: token.path, at: token.at };
      case "name":
        if (!isFunction(token.name))
          throw new TemplateError(token.at, `function ${JSON.stringify(token.name)} not defined`);
        return { kind: "call", name: token.name, args: [], at: token.at };
      case "sign":
        return this.#parenthesis(tokens, token.at);
    }
  }

  #parenthesis(tokens: Tokens, at: Place): Expression {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new TemplateError(at, `more than ${DEPTH_MAX} parentheses in each other`);
    const inside = this.#pipe(tokens);
    this.#depth -= 1;
    if (!tokens.takes(")")) throw new TemplateError(at, "( has no )");
    return inside;
  }
}

/** What is left of an action. */
class Tokens {
  readonly #tokens: readonly Token[];
  readonly #end: Place;
  #next = 0;

  constructor({ tokens, source, at }: Action) {
    this.#tokens = tokens;
    this.#end = at;
    if (source === "") throw new TemplateError(at, "an action is empty");
  }

  /** Where the next one is. */
  get at(): Place {
    return this.#tokens[this.#next]?.at ?? this.#end;
  }

  get hasOperand(): boolean {
    const token = this.#tokens[this.#next];
    return token !== undefined && (token.kind !== "sign" || token.sign === "(");
  }

  next(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new TemplateError(this.#end, "a value is missing");
    this.#next += 1;
    return token;
  }

  takes(sign: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "sign" || token.sign !== sign) return false;
    this.#next += 1;
    return true;
  }

  name(): string | undefined {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "name") return undefined;
    this.#next += 1;
    return token.name;
  }

  /** A word of the language, if the next one is one. */
  keyword(): Keyword | undefined {
    const token = this.#tokens[this.#next];
    const keyword = token?.kind === "name" ? KEYWORDS.find((word) => word === token.name) : undefined;
    if (keyword !== undefined) this.#next += 1;
    return keyword;
  }

  /** `$a, $b :=` or `$a =`. */
  assignment(): { readonly names: readonly string[]; readonly isDeclaration: boolean; readonly at: Place } | undefined {
    const { at } = this;
    const names: string[] = [];
    for (let place = this.#next; ; place += 2) {
      const variable = this.#tokens[place];
      const sign = this.#tokens[place + 1];
      if (variable?.kind !== "field" || variable.of === "." || variable.path.length > 0) return undefined;
      names.push(variable.of);
      if (sign?.kind !== "sign") return undefined;
      if (sign.sign === ",") continue;
      if (sign.sign !== ":=" && sign.sign !== "=") return undefined;
      this.#next = place + 2;
      return { names, isDeclaration: sign.sign === ":=", at };
    }
  }

  end(): void {
    const token = this.#tokens[this.#next];
    if (token !== undefined) throw new TemplateError(token.at, "something is left over in this action");
  }
}

const KEYWORDS = ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"] as const;
type Keyword = (typeof KEYWORDS)[number];
