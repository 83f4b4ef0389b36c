import { assert } from "@murmur/base";

import { join } from "../problem.ts";
import type { ComposeOther } from "../project.ts";
import { parseBytes, parseCpus, parseDuration } from "../quantity.ts";
import { isNull, type Mapping, type Scalar, type Tree } from "../tree.ts";

/**
 * Reads a canonical mapping, and remembers what was read: what nobody asked for is told in `others`. The kinds of
 * values were checked against the tables, so another kind here is a defect of the program.
 */
export class Fields {
  readonly tree: Mapping;
  readonly path: string;
  readonly #taken = new Set<string>();
  readonly #left: ComposeOther[] = [];
  readonly #opened: Fields[];

  constructor(tree: Mapping, path = "", opened: Fields[] = []) {
    this.tree = tree;
    this.path = path;
    this.#opened = opened;
    opened.push(this);
  }

  /** What is set; nothing where the file leaves the value empty. */
  take(key: string): Tree | undefined {
    this.#taken.add(key);
    const tree = this.tree.entries.get(key);
    return tree === undefined || isNull(tree) ? undefined : tree;
  }

  text(key: string): string | undefined {
    return this.#scalar(key)?.text;
  }

  flag(key: string): boolean | undefined {
    const value = this.#scalar(key)?.value;
    assert(value === undefined || typeof value === "boolean", `${key} was checked to be a flag`);
    return value;
  }

  number(key: string): number | undefined {
    const value = this.#scalar(key)?.value;
    assert(value === undefined || typeof value === "number", `${key} was checked to be a number`);
    return value;
  }

  durationMs(key: string): number | undefined {
    return this.#quantity(key, parseDuration);
  }

  bytes(key: string): number | undefined {
    return this.#quantity(key, parseBytes);
  }

  nanoCpus(key: string): number | undefined {
    return this.#quantity(key, parseCpus);
  }

  list(key: string): readonly Tree[] | undefined {
    const tree = this.take(key);
    if (tree === undefined) return undefined;
    assert(tree.kind === "list", `${key} was checked to be a list`);
    return tree.items;
  }

  texts(key: string): readonly string[] {
    return (this.list(key) ?? []).map(textOf);
  }

  /** Values of a mapping; null where one is empty. */
  values(key: string): ReadonlyMap<string, string | null> {
    const found = new Map<string, string | null>();
    for (const [name, tree] of this.entries(key)) found.set(name, isNull(tree) ? null : textOf(tree));
    return found;
  }

  /** Values of a mapping; "" where one is empty. */
  labels(key: string): ReadonlyMap<string, string> {
    return new Map([...this.values(key)].map(([name, value]) => [name, value ?? ""]));
  }

  entries(key: string): ReadonlyMap<string, Tree> {
    const tree = this.take(key);
    if (tree === undefined) return new Map<string, Tree>();
    assert(tree.kind === "mapping", `${key} was checked to be a mapping`);
    return tree.entries;
  }

  /** A mapping inside this one. */
  fields(key: string): Fields | undefined {
    const tree = this.take(key);
    return tree === undefined ? undefined : this.open(tree, key);
  }

  /** The entries of a list of mappings. */
  each(key: string): readonly Fields[] {
    return (this.list(key) ?? []).map((item, index) => this.open(item, `${key}[${index}]`));
  }

  open(tree: Tree, key: string): Fields {
    assert(tree.kind === "mapping", `${key} was checked to be a mapping`);
    return new Fields(tree, join(this.path, key), this.#opened);
  }

  /** Part of a value that was read has no place in the model. `says`: what to do about it. */
  leave(path: string, tree: Tree, says?: string): void {
    this.#left.push({ ...this.#other(path, tree), ...(says === undefined ? {} : { says }) });
  }

  /** What was set and never asked for, of this mapping and all that were opened from it. */
  others(): readonly ComposeOther[] {
    return this.#opened.flatMap((fields) => fields.#untaken());
  }

  #untaken(): readonly ComposeOther[] {
    const untaken = [...this.tree.entries].filter(([key, tree]) => !this.#taken.has(key) && !isNull(tree));
    return [...untaken.map(([key, tree]) => this.#other(key, tree)), ...this.#left];
  }

  #other(path: string, tree: Tree): ComposeOther {
    return { path: join(this.path, path), at: `${tree.place.file}:${tree.place.line}` };
  }

  #scalar(key: string): Scalar | undefined {
    const tree = this.take(key);
    if (tree === undefined) return undefined;
    assert(tree.kind === "scalar", `${key} was checked to be a scalar`);
    return tree;
  }

  #quantity(key: string, parse: (text: string) => number | undefined): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = parse(text);
    assert(value !== undefined, `${key} was checked to be a quantity`);
    return value;
  }
}

export function textOf(tree: Tree): string {
  assert(tree.kind === "scalar", "the value was checked to be a scalar");
  return tree.text;
}

/** The object without its undefined fields. */
export function defined<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
