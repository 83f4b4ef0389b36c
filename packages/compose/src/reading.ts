import { ClusterError, codeOf, messageOf } from "@murmur/base";

import { Budget, type Variables } from "./interpolate.ts";
import { BYTES_MAX, EXTENDED_NODES_MAX, FILE_BYTES_MAX, FILES_MAX, PORTS_MAX } from "./limits.ts";
import { shownPath } from "./paths.ts";
import type { ComposeSource } from "./ports.ts";
import { fileProblem, problem, type Place } from "./problem.ts";
import type { Tree } from "./tree.ts";
import { decodeUtf8 } from "./utf8.ts";

/** One reading of an application: what it may still use up, and what it was told to warn of. */
export class Reading {
  readonly #source: ComposeSource;
  readonly #warn: (warning: string) => void;
  readonly #warned = new Set<string>();
  readonly #budget = new Budget();
  #files = 0;
  #bytes = 0;
  #ports = 0;
  #nodes = 0;

  constructor(source: ComposeSource, warn: (warning: string) => void) {
    this.#source = source;
    this.#warn = warn;
  }

  /** Each warning once. */
  warn(warning: string): void {
    if (!this.#warned.has(warning)) this.#warn(warning);
    this.#warned.add(warning);
  }

  variables(get: (name: string) => string | undefined): Variables {
    return {
      get,
      unset: (name) => this.warn(`The "${name}" variable is not set. Defaulting to a blank string.`),
      budget: this.#budget,
    };
  }

  /** How messages call a file. */
  shown(path: string): string {
    return shownPath(path, this.#source.cwd);
  }

  exists(path: string): boolean {
    return this.#source.exists(path);
  }

  /** A Compose file. `by`: what names it; left out for those of the command line. */
  composeFile(path: string, by?: { readonly place: Place; readonly path: string }): string {
    this.#files++;
    if (this.#files > FILES_MAX) throw fileProblem(this.shown(path), `an application is at most ${FILES_MAX} files`);
    return this.text(path, by);
  }

  text(path: string, by?: { readonly place: Place; readonly path: string }): string {
    const bytes = this.bytes(path, by);
    if (bytes.length > FILE_BYTES_MAX)
      throw fileProblem(this.shown(path), `the file is larger than ${FILE_BYTES_MAX >> 20} MiB`);
    const text = decodeUtf8(bytes);
    if (text === undefined) throw fileProblem(this.shown(path), "the file isn't UTF-8 text");
    return text;
  }

  bytes(path: string, by?: { readonly place: Place; readonly path: string }): Uint8Array {
    const bytes = this.#read(path, by);
    this.#bytes += bytes.length;
    if (this.#bytes > BYTES_MAX)
      throw fileProblem(this.shown(path), `all files together are larger than ${BYTES_MAX >> 20} MiB`);
    return bytes;
  }

  countPorts(tree: Tree, path: string, count: number): void {
    this.#ports += count;
    if (this.#ports > PORTS_MAX)
      throw problem(tree.place, path, `all ranges together are more than ${PORTS_MAX} ports`);
  }

  /** Counts what `extends` has made of a service. */
  countExtended(tree: Tree, path: string): void {
    this.#nodes += sizeOf(tree);
    if (this.#nodes > EXTENDED_NODES_MAX) {
      throw problem(
        tree.place,
        path,
        `the services have more than ${EXTENDED_NODES_MAX} values once extends is followed`,
      );
    }
  }

  #read(path: string, by: { readonly place: Place; readonly path: string } | undefined): Uint8Array {
    try {
      return this.#source.readFile(path);
    } catch (error) {
      if (by === undefined) throw error;
      const { message } = problem(by.place, by.path, messageOf(error));
      throw new ClusterError(codeOf(error), message, { cause: error });
    }
  }
}

function sizeOf(tree: Tree): number {
  if (tree.kind === "scalar") return 1;
  let size = 1;
  for (const item of tree.kind === "list" ? tree.items : tree.entries.values()) size += sizeOf(item);
  return size;
}
