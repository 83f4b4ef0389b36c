import { directoryOf } from "./paths.ts";
import { problem } from "./problem.ts";
import { readDocuments, type Scope } from "./documents.ts";
import { application } from "./schema/application.ts";
import { merge } from "./schema/merge.ts";
import { service as serviceShape } from "./schema/service.ts";
import { mappingAt, type Mapping, type Tree } from "./tree.ts";

/** Services that a chain of `extends` may have: each step is a call. */
const CHAIN_MAX = 200;

/** Writes out the `extends` of one document, files that it names included. */
export class ExtendsResolver {
  readonly #scope: Scope;
  readonly #document: Mapping;
  readonly #path: string;
  /** Services of the files that are extended from, read once. */
  readonly #files = new Map<string, ReadonlyMap<string, Tree>>();
  readonly #resolved = new Map<string, Tree>();

  constructor(path: string, document: Mapping, scope: Scope) {
    this.#path = path;
    this.#document = document;
    this.#scope = scope;
  }

  resolve(): Mapping {
    const services = this.#document.entries.get("services");
    if (services?.kind !== "mapping") return this.#document;
    this.#files.set("", services.entries);
    const resolved = new Map<string, Tree>();
    for (const name of services.entries.keys()) {
      const service = this.#service("", name, []);
      if (service !== undefined) resolved.set(name, service);
    }
    const entries = new Map(this.#document.entries);
    entries.set("services", mappingAt(resolved, services.place, services.tag));
    return mappingAt(entries, this.#document.place);
  }

  /** `file`: "" for the document itself. `chain`: the services that extend this one, as `FILE: NAME`. */
  #service(file: string, name: string, chain: readonly string[]): Tree | undefined {
    const key = `${this.#scope.reading.shown(file === "" ? this.#path : file)}: ${name}`;
    const id = `${file}\n${name}`;
    const done = this.#resolved.get(id);
    if (done !== undefined) return done;
    const service = this.#files.get(file)?.get(name);
    if (service?.kind !== "mapping") return service;
    const base = service.entries.get("extends");
    if (base?.kind !== "mapping") return service;
    const path = `services.${name}.extends`;
    if (chain.includes(key)) {
      throw problem(
        base.place,
        path,
        `services extend each other: ${[...chain.slice(chain.indexOf(key)), key].join(" extends ")}; take one extends out`,
      );
    }
    if (chain.length >= CHAIN_MAX)
      throw problem(base.place, path, `services extend each other more than ${CHAIN_MAX} deep`);
    const from = textOf(base, "file") ?? file;
    const wanted = textOf(base, "service") ?? "";
    if (from !== file) this.#open(from, base, path);
    const inherited = this.#service(from, wanted, [...chain, key]);
    if (inherited?.kind !== "mapping") {
      const where = this.#scope.reading.shown(from === "" ? this.#path : from);
      throw problem(base.place, path, `there is no service ${JSON.stringify(wanted)} in ${where}`);
    }
    const own = new Map(service.entries);
    own.delete("extends");
    const merged = merge({ ...inherited, tag: undefined }, mappingAt(own, service.place), serviceShape);
    this.#scope.reading.countExtended(merged, path);
    const result: Tree = { ...merged, tag: service.tag };
    this.#resolved.set(id, result);
    return result;
  }

  #open(file: string, base: Mapping, path: string): void {
    if (this.#files.has(file)) return;
    const scope = { ...this.#scope, directory: directoryOf(file) };
    let merged: Tree | undefined;
    for (const document of readDocuments(file, scope, { place: base.place, path })) {
      merged = merged === undefined ? document : merge(merged, document, application);
    }
    const services = merged?.kind === "mapping" ? merged.entries.get("services") : undefined;
    this.#files.set(file, services?.kind === "mapping" ? services.entries : new Map<string, Tree>());
  }
}

function textOf(tree: Mapping, field: string): string | undefined {
  const value = tree.entries.get(field);
  return value?.kind === "scalar" && value.value !== null ? value.text : undefined;
}
