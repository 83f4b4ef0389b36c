import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type Document,
  type Node,
  type Scalar as YamlScalar,
  type YAMLMap,
} from "yaml";

import { DEPTH_MAX, NODES_MAX } from "./limits.ts";
import { problem, shown, type Place } from "./problem.ts";
import { listAt, mappingAt, scalarAt, textAt, type Scalar, type Tag, type Tree } from "./tree.ts";

/** The documents of a YAML text, their anchors, aliases and merge keys followed. Empty documents are left out. */
export function parseYaml(text: string, file: string): readonly Tree[] {
  const lines = new LineCounter();
  const trees: Tree[] = [];
  for (const document of documentsOf(text, file, lines)) {
    const [error] = document.errors;
    if (error !== undefined) {
      throw problem({ file, line: lines.linePos(error.pos[0]).line }, "", `this isn't YAML: ${error.message}`);
    }
    if (document.contents === null) continue;
    trees.push(new Conversion(file, lines).tree(document.contents, undefined));
  }
  return trees;
}

/** Depth is looked at while the text is cut into tokens, which doesn't recurse: composing them does. */
function documentsOf(text: string, file: string, lines: LineCounter): readonly Document.Parsed[] {
  const parser = new Parser(lines.addNewLine);
  // Keys are compared in `Conversion`: the parser's own check takes the square of their number.
  const composer = new Composer({ schema: "core", uniqueKeys: false, prettyErrors: false, strict: false });
  const documents: Document.Parsed[] = [];
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    if (parser.stack.length > DEPTH_MAX * 2) {
      const { line } = lines.linePos(parser.offset);
      throw problem({ file, line }, "", `values are nested too deeply; ${DEPTH_MAX} levels are allowed`);
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end());
  return documents;
}

const TAGS: Readonly<Record<string, Tag>> = { "!reset": "reset", "!override": "override" };

/** One document: aliases mean the anchors before them. */
class Conversion {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, { readonly tree: Tree; readonly nodes: number }>();
  #nodes = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  /** `place`: of the key that the node is the value of. */
  tree(node: Node, place: Place | undefined): Tree {
    const here = place ?? this.#placeOf(node);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) {
        throw problem(here, "", `*${node.source} has no anchor before it; write &${node.source} at the value it means`);
      }
      this.#count(target.nodes, here);
      return { ...target.tree, place: here };
    }
    const before = this.#nodes;
    this.#count(1, here);
    const tree = this.#own(node, here);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, { tree, nodes: this.#nodes - before });
    return tree;
  }

  #own(node: Node, place: Place): Tree {
    const tag = this.#tagOf(node, place);
    if (isMap(node)) return mappingAt(this.#entries(node), place, tag);
    if (isSeq(node)) {
      const items = node.items.map((item) =>
        item === null ? scalarAt(null, place) : this.tree(item as Node, undefined),
      );
      return listAt(items, place, tag);
    }
    return isScalar(node) ? scalarOf(node, place, tag) : scalarAt(null, place, tag);
  }

  /** A mapping's own keys win over those of `<<`, and of the latter the first mapping's. */
  #entries(node: YAMLMap): ReadonlyMap<string, Tree> {
    const own = new Map<string, Tree>();
    const merged: ReadonlyMap<string, Tree>[] = [];
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      if (key === null || !isScalar(key)) {
        throw problem(this.#placeOf(key ?? node), "", "the key of a mapping is text, as in `name: value`");
      }
      const place = this.#placeOf(key);
      const name = key.source ?? String(key.value);
      const value = pair.value === null ? scalarAt(null, place) : this.tree(pair.value as Node, place);
      if (name === "<<" && key.type === "PLAIN") {
        merged.push(...this.#merged(value));
        continue;
      }
      const rival = own.get(name);
      if (rival !== undefined) {
        throw problem(place, "", `${shown(name)} is there already, in line ${rival.place.line}; leave one of the two`);
      }
      own.set(name, value);
    }
    if (merged.length === 0) return own;
    const entries = new Map<string, Tree>();
    for (const mapping of [...merged.toReversed(), own]) for (const [name, tree] of mapping) entries.set(name, tree);
    return entries;
  }

  #merged(value: Tree): readonly ReadonlyMap<string, Tree>[] {
    if (value.kind === "mapping") return [value.entries];
    if (value.kind === "list") {
      return value.items.map((item) => {
        if (item.kind === "mapping") return item.entries;
        throw problem(item.place, "", "<< takes a mapping, or a list of mappings");
      });
    }
    throw problem(value.place, "", "<< takes a mapping, or a list of mappings, as in `<<: *anchor`");
  }

  #tagOf(node: Node, place: Place): Tag | undefined {
    const { tag } = node;
    if (tag === undefined || tag.startsWith("tag:yaml.org,2002:") || tag === "!") return undefined;
    const known = TAGS[tag];
    if (known === undefined)
      throw problem(place, "", `the tag ${shown(tag)} isn't known; there are !reset and !override`);
    return known;
  }

  #placeOf(node: Node): Place {
    return { file: this.#file, line: Math.max(1, this.#lines.linePos(node.range?.[0] ?? 0).line) };
  }

  #count(nodes: number, place: Place): void {
    this.#nodes += nodes;
    if (this.#nodes > NODES_MAX) {
      throw problem(place, "", `the file has more than ${NODES_MAX} values once its aliases are followed; split it up`);
    }
  }
}

function scalarOf(node: YamlScalar, place: Place, tag: Tag | undefined): Scalar {
  const { value } = node;
  if (typeof value === "boolean" || value === null || value === undefined) return scalarAt(value ?? null, place, tag);
  if (typeof value === "number" || typeof value === "bigint") {
    const source = node.source ?? String(value);
    // As in YAML 1.1 and in every `mode: 0440`: a leading zero means octal.
    if (/^0[0-7]+$/.test(source)) return scalarAt(Number.parseInt(source, 8), place, tag);
    const text = /^[-+]?\d+$/.test(source) ? String(BigInt(source.replace(/^\+/, ""))) : String(value);
    return { ...scalarAt(Number(value), place, tag), text };
  }
  return textAt(typeof value === "string" ? value : (node.source ?? ""), place, tag);
}
