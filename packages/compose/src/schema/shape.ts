import type { Tree } from "../tree.ts";

/**
 * What may stand at a place of a Compose file, as data. The tables beside this file describe the whole specification
 * with it; validation, the long forms and merging are functions over them, so no two of these can disagree.
 */
export type Shape = TextShape | FlagShape | NumberShape | AnyShape | ListShape | MapShape | ObjectShape;

/** What conversions know of the place that they convert for. */
export interface Where {
  /** As in messages: `services.web.ports[0]`. */
  readonly path: string;
  /** What relative paths start at; absolute. */
  readonly directory: string;
  /** What `~` stands for. */
  readonly home: string | undefined;
  /** Counts ports that ranges stand for; throws when an application has too many. */
  readonly countPorts: (tree: Tree, path: string, count: number) => void;
}

interface Nullable {
  /** An empty value is allowed, and means: not set. */
  readonly nullable?: boolean;
}

export interface TextShape extends Nullable {
  readonly kind: "text";
  /** What is wrong with a text, and what is expected; undefined where nothing is. */
  readonly check?: (text: string) => string | undefined;
  /** Numbers and booleans are taken as the text that they are written as. */
  readonly loose?: boolean;
  /** The path of a file: made absolute. */
  readonly path?: boolean;
}

export interface FlagShape {
  readonly kind: "flag";
}

export interface NumberShape {
  readonly kind: "number";
  readonly whole: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Text is octal, as the permissions of a file are; a number is what YAML says that it is. */
  readonly octal?: boolean;
}

interface AnyShape {
  readonly kind: "any";
}

export interface ListShape extends Nullable {
  readonly kind: "list";
  readonly items: Shape;
  /** Two lists become one by appending, by the later replacing the former, or by entries with the same key doing so. */
  readonly merge: "append" | "replace" | ((item: Tree) => string);
  /** Entries with the same key are merged, not replaced. */
  readonly mergeItems?: boolean;
  /** The list that another form stands for; what it can't read it returns. */
  readonly long?: (tree: Tree, where: Where) => Tree;
  /** The entries that one entry stands for. */
  readonly expand?: (item: Tree, where: Where) => readonly Tree[];
}

export interface MapShape extends Nullable {
  readonly kind: "map";
  readonly values: Shape;
  /** What keys look like. */
  readonly names?: Names;
  readonly long?: (tree: Tree, where: Where) => Tree;
}

export interface Names {
  readonly pattern: RegExp;
  readonly expected: string;
}

export interface ObjectShape extends Nullable {
  readonly kind: "object";
  readonly fields: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  /** There are no fields of the user's own (`x-…`) in it. */
  readonly closed?: boolean;
  readonly long?: (tree: Tree, where: Where) => Tree;
  /** True where a later object takes the place of a former one. */
  readonly replaces?: (former: Tree, later: Tree) => boolean;
  /** A rule over several fields, of the merged object: what is wrong, or undefined. */
  readonly check?: (fields: ReadonlyMap<string, Tree>) => string | undefined;
}

/** Resource names, as in `services`, `networks` and the rest. */
export const NAMES: Names = {
  pattern: /^[a-zA-Z0-9._-]+$/,
  expected: "a name has letters, digits, dots, underscores and dashes",
};

/** Whether a field is the user's own: Compose leaves those alone. */
export function isExtension(key: string): boolean {
  return key.startsWith("x-");
}
