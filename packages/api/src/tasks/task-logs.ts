import { ClusterError, messageOf, type Clock, type NodeId } from "@murmur/base";
import { refusalIn } from "../engine/refusal.ts";
import { containerLines } from "../logs/container-log.ts";
import { encodeEntry, type LogEntry } from "../logs/log-entry.ts";
import { wishQuery, type LogWish } from "../logs/log-wish.ts";
import { TimeMerge, type Patience } from "../logs/time-merge.ts";
import type { Engine } from "../ports.ts";
import { Turns } from "../turns.ts";
import { ownContainers, type OwnContainers } from "./own-containers.ts";

/** Logs that are opened at the engine at once; it reads a file for each. */
const OPENED_AT_ONCE = 16;
/** Logs that are open here in sum; a node that asks for more is told `overloaded`. */
const OPEN_MAX = 2_048;
/** The engine is on this machine: who has said nothing by then has nothing to say. */
const PATIENCE: Patience = { firstMs: 1_000, laterMs: 50 };

export interface LogRequest {
  readonly self: NodeId;
  readonly tasks: readonly string[];
  readonly wish: LogWish;
}

/** The logs of this node's tasks, as another node reads them. */
export class TaskLogs {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #turns: Turns;
  #open = 0;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#turns = new Turns({ places: OPENED_AT_ONCE, clock });
  }

  /**
   * What the containers of these tasks have written, in frames (see `encodeEntry`). The signal ends it. Errors:
   * `unavailable` when the engine doesn't answer, `overloaded`.
   */
  async read(request: LogRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array, void, undefined>> {
    const { self, tasks, wish } = request;
    if (this.#open + tasks.length > OPEN_MAX)
      throw new ClusterError("overloaded", "too many logs are being read on this node: try again later");
    this.#open += tasks.length;
    signal.addEventListener("abort", () => (this.#open -= tasks.length), { once: true });
    const containers = await ownContainers(this.#engine, { self }, signal);
    const merge = new TimeMerge(this.#clock, PATIENCE);
    for (const task of tasks) merge.add(this.#entries(task, { containers, wish }, signal));
    merge.finish();
    signal.addEventListener("abort", () => merge.close(), { once: true });
    return encoded(merge);
  }

  async *#entries(
    task: string,
    { containers, wish }: { readonly containers: OwnContainers; readonly wish: LogWish },
    signal: AbortSignal,
  ): AsyncGenerator<readonly LogEntry[], void, undefined> {
    const id = containers.find(task);
    try {
      if (id !== undefined) yield* this.#linesOf(id, { task, wish }, signal);
      yield [{ kind: "end", task }];
    } catch (error) {
      const kind = error instanceof Unreadable ? "unreadable" : "lost";
      yield [{ kind, task, message: messageOf(error) }];
    }
  }

  async *#linesOf(
    id: string,
    { task, wish }: { readonly task: string; readonly wish: LogWish },
    signal: AbortSignal,
  ): AsyncGenerator<readonly LogEntry[], void, undefined> {
    const path = `/containers/${id}`;
    const query = wishQuery(wish);
    query.set("timestamps", "1");
    const opened = await this.#turns.take(async () => {
      const { status, body } = await this.#engine.get(`${path}/json`, signal);
      if (status === 404) return undefined;
      const answer = await this.#engine.stream({ method: "GET", path: `${path}/logs?${query.toString()}` }, signal);
      return { answer, tty: hasTerminal(body) };
    });
    if (opened === undefined) return;
    const { answer, tty } = opened;
    if (answer.status === 200) return yield* containerLines(answer.body, { task, tty, details: wish.details });
    const { message } = await refusalIn(answer.status, answer.body);
    // It has just been removed, or is being so.
    if (answer.status !== 404 && answer.status !== 409) throw new Unreadable(message);
  }
}

/** The engine can't read the log: its driver sends lines away, or keeps none. */
class Unreadable extends Error {}

async function* encoded(merge: TimeMerge): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const batch of merge.batches()) yield Buffer.concat(batch.map(encodeEntry));
}

const hasTerminal = (body: unknown): boolean =>
  typeof body === "object" &&
  body !== null &&
  "Config" in body &&
  typeof body.Config === "object" &&
  body.Config !== null &&
  "Tty" in body.Config &&
  body.Config.Tty === true;
