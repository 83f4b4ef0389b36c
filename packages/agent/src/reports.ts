import type { Millis } from "@murmur/base";
import type {
  EngineStatus,
  Index,
  NodeCertificate,
  NodeDescription,
  ReportMessage,
  TaskId,
  TaskStatus,
} from "@murmur/model";

/** What the node says of itself. */
export interface NodeFacts {
  readonly description?: NodeDescription;
  readonly engine: EngineStatus;
  readonly address?: string;
  readonly volumes?: readonly string[];
  readonly certificate?: NodeCertificate;
}

/** Something to be told. `sent` is undefined as long as no report on this session carries it. */
interface Pending<T> {
  readonly value: T;
  readonly sent?: { readonly sequence: number; readonly at: Millis };
}

/** Statuses in one report; more go in the next one. */
const STATUSES_MAX = 256;

/**
 * What the managers have to be told and haven't confirmed as committed. Of each task only the latest status is kept, so
 * it never holds more than a node has tasks, however long no manager can be reached. Pure: the time comes in.
 */
export class Reports {
  readonly #statuses = new Map<TaskId, Pending<TaskStatus>>();
  #node: Pending<NodeFacts> | undefined;
  #acknowledge: Index | undefined;
  #resync = false;
  #sequence = 0;

  /** How many facts are not confirmed. */
  get size(): number {
    return this.#statuses.size + (this.#node === undefined ? 0 : 1);
  }

  status(id: TaskId, status: TaskStatus): void {
    this.#statuses.set(id, { value: status });
  }

  /** The managers have no record of this task any more. */
  drop(id: TaskId): void {
    this.#statuses.delete(id);
  }

  node(facts: NodeFacts): void {
    this.#node = { value: facts };
  }

  /** An assignment was taken in; only the newest is worth saying. */
  acknowledge(version: Index): void {
    this.#acknowledge = version;
  }

  /** A full assignment is needed. */
  resync(): void {
    this.#resync = true;
  }

  /** A new session begins: what an earlier one carried may have been lost with it. */
  begin(): void {
    this.#acknowledge = undefined;
    this.#resync = false;
    this.expire(Number.POSITIVE_INFINITY);
  }

  /** What was sent before `moment` and is still not confirmed will be sent again. */
  expire(moment: Millis): void {
    for (const [id, { value, sent }] of this.#statuses) {
      if (sent !== undefined && sent.at < moment) this.#statuses.set(id, { value });
    }
    if (this.#node?.sent !== undefined && this.#node.sent.at < moment) this.#node = { value: this.#node.value };
  }

  /** The managers have committed the report with this number: what it carried, and hasn't changed since, is done. */
  committed(sequence: number): void {
    for (const [id, { sent }] of this.#statuses) if (sent?.sequence === sequence) this.#statuses.delete(id);
    if (this.#node?.sent?.sequence === sequence) this.#node = undefined;
  }

  /** The next report to send, undefined when there is none. `now` is remembered for `expire`. */
  next(now: Millis): ReportMessage | undefined {
    if (this.#resync) {
      this.#resync = false;
      return { kind: "resync" };
    }
    if (this.#acknowledge !== undefined) {
      const version = this.#acknowledge;
      this.#acknowledge = undefined;
      return { kind: "acknowledge", version };
    }
    return this.#nextNode(now) ?? this.#nextStatuses(now);
  }

  #nextNode(now: Millis): ReportMessage | undefined {
    if (this.#node === undefined || this.#node.sent !== undefined) return undefined;
    const { value } = this.#node;
    const sequence = (this.#sequence += 1);
    this.#node = { value, sent: { sequence, at: now } };
    return { kind: "node", sequence, ...value };
  }

  #nextStatuses(now: Millis): ReportMessage | undefined {
    const unsent = [...this.#statuses].filter(([, pending]) => pending.sent === undefined).slice(0, STATUSES_MAX);
    if (unsent.length === 0) return undefined;
    const sequence = (this.#sequence += 1);
    for (const [id, { value }] of unsent) this.#statuses.set(id, { value, sent: { sequence, at: now } });
    return { kind: "tasks", sequence, statuses: unsent.map(([id, { value }]) => ({ id, status: value })) };
  }
}
