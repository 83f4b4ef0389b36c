import { nodeId } from "@murmur/base";
import { isPlainObject, serviceId, type Index } from "@murmur/model";
import { TABLES, type TableName, type Write } from "./change.ts";
import { Digest } from "./digest.ts";
import { refused, type Refusal } from "./result.ts";
import { FORMAT, MAGIC } from "./snapshot.ts";
import { restartKey, State } from "./state.ts";

/** A spec of the greatest size, every character escaped, fits. */
const LINE_BYTES_MAX = 16 * 1_048_576;

/** A snapshot that is being read. */
export interface Restore {
  /** The next bytes, cut anywhere. After a refusal every further call gives the same refusal. */
  push(chunk: Uint8Array): { readonly ok: true } | Refusal;
  /** Whether all of it was read and fits its digest: then `finish` succeeds, if nothing more is pushed. */
  readonly ended: boolean;
  /** Ends it: the whole state is replaced, watchers are told to resync. On a refusal (`corrupt`) nothing changes. */
  finish(): { readonly ok: true; readonly version: Index } | Refusal;
}

/** What went wrong in a snapshot; never leaves this file. */
class Malformed extends Error {}

/** Reads what `encode` wrote. It takes nothing on trust: the digest at the end is that of what was read. */
export class SnapshotReader implements Restore {
  /** Undefined until the first line was read. */
  #state: State | undefined;
  readonly #digest = new Digest();
  readonly #shared: unknown[] = [];
  readonly #onFinish: (state: State) => void;
  #records = 0;
  #rest = "";
  #phase: "reading" | "ended" | "finished" = "reading";
  #refusal: Refusal | undefined;

  constructor(onFinish: (state: State) => void) {
    this.#onFinish = onFinish;
  }

  get ended(): boolean {
    return this.#phase === "ended" && this.#rest === "" && this.#refusal === undefined;
  }

  push(chunk: Uint8Array): { readonly ok: true } | Refusal {
    return this.#guarded(() => {
      const text = asciiOf(chunk);
      const end = text.lastIndexOf("\n");
      if (end < 0) this.#rest += text;
      else {
        const lines = this.#rest + text.slice(0, end);
        this.#rest = text.slice(end + 1);
        for (const line of lines.split("\n")) this.#line(line);
      }
      if (this.#rest.length > LINE_BYTES_MAX) throw new Malformed("a line is too long");
      return { ok: true };
    });
  }

  finish(): { readonly ok: true; readonly version: Index } | Refusal {
    return this.#guarded(() => {
      const state = this.#state;
      if (!this.ended || state === undefined) throw new Malformed("it is cut short");
      this.#phase = "finished";
      this.#onFinish(state);
      return { ok: true, version: state.version };
    });
  }

  /** Records come from outside: whatever is wrong with one, also where an index takes it in, makes the whole corrupt. */
  #guarded<R extends { readonly ok: true }>(read: () => R): R | Refusal {
    if (this.#refusal !== undefined) return this.#refusal;
    try {
      return read();
    } catch (error) {
      const why = error instanceof Malformed ? error.message : "a record is malformed";
      this.#refusal = refused("corrupt", `the snapshot can't be read: ${why}`);
      return this.#refusal;
    }
  }

  #line(line: string): void {
    const parsed: unknown = JSON.parse(line);
    if (!Array.isArray(parsed) || this.#phase !== "reading") throw new Malformed("it goes on after its end");
    const [kind, value, last]: unknown[] = parsed;
    if (this.#state === undefined) this.#state = begin(kind, value, last);
    else if (kind === "shared") this.#shared.push(value);
    else if (kind === "end") this.#end(this.#state, value, last);
    else
      this.#record(
        this.#state,
        TABLES.find((name) => name === kind),
        value,
      );
  }

  #record(state: State, table: TableName | undefined, value: unknown): void {
    if (table === undefined || !isPlainObject(value)) throw new Malformed("it has a line of no known kind");
    const record = this.#withValues(value);
    this.#records += 1;
    this.#digest.add([table, record]);
    // The writer's type; the digest at the end says whether it is what was written.
    const write = { kind: "put", table, id: idOf(table, record), current: record } as unknown as Write;
    state.write(state.version, [write]);
  }

  /** Puts what is shared back in its place. */
  #withValues(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const { shared, ...own } = value;
    if (!Array.isArray(shared)) return value;
    const [first, second, third, fourth] = shared.map((number) => {
      if (!(Number(number) in this.#shared)) throw new Malformed("it refers to what isn't there");
      return this.#shared[Number(number)];
    });
    if (isPlainObject(own["spec"])) {
      const service = { ...own, spec: { ...own["spec"], task: first } };
      return isPlainObject(own["previousSpec"])
        ? { ...service, previousSpec: { ...own["previousSpec"], task: second } }
        : service;
    }
    return { ...own, spec: first, serviceLabels: second, endpointPorts: third, networks: fourth };
  }

  #end(state: State, records: unknown, digest: unknown): void {
    this.#digest.add(state.version);
    if (records !== this.#records || digest !== this.#digest.text())
      throw new Malformed("its contents don't match its digest");
    this.#phase = "ended";
  }
}

function begin(magic: unknown, format: unknown, version: unknown): State {
  if (magic !== MAGIC) throw new Malformed("it is no snapshot of a cluster's state");
  if (format !== FORMAT) throw new Malformed(`its format is ${String(format)}, this program knows ${FORMAT}`);
  const fits = typeof version === "number" && Number.isSafeInteger(version) && version >= 0;
  if (!fits) throw new Malformed("it has no version");
  return new State(version);
}

function idOf(table: TableName, record: Readonly<Record<string, unknown>>): string {
  const { id, serviceId: service, slot } = record;
  if (table === "restarts" && typeof service === "string") {
    return restartKey(serviceId(service), typeof slot === "number" ? slot : nodeId(String(slot)));
  }
  if (typeof id !== "string") throw new Malformed("a record has no id");
  return id;
}

function asciiOf(chunk: Uint8Array): string {
  let text = "";
  for (let at = 0; at < chunk.length; at += 8_192)
    text += Reflect.apply(String.fromCharCode, undefined, chunk.subarray(at, at + 8_192));
  if (/[^\n\u0020-\u007e]/.test(text)) throw new Malformed("it holds what is no JSON");
  return text;
}
