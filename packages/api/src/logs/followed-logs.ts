import { ClusterError, messageOf, Scope, sleep, type Millis, type NodeId, type Timer } from "@murmur/base";
import { toTimestamp } from "../docker/time.ts";
import type { Task } from "../docker/task-types.ts";
import { clusterEvents } from "../http/cluster-events.ts";
import type { ClusterEvent } from "../murmur-types.ts";
import { TASKS_MAX } from "../tasks/task-limits.ts";
import type { LogEntry, LogLine } from "./log-entry.ts";
import { hasEnded, nameOfNode, nodeOfLog, type LogTarget, type LogWorld, type ShownEntry } from "./log-target.ts";
import type { LogWish } from "./log-wish.ts";
import { nodeLogs } from "./node-logs.ts";
import { TimeMerge, type Patience } from "./time-merge.ts";

/** Lines that come within this time of each other are put in order; nothing is held up for longer. */
const PATIENCE: Patience = { firstMs: 3_000, laterMs: 100 };
/** Tasks that start together are asked for together. */
const GATHER_MS: Millis = 50;
/** Before a log is opened again whose container hadn't begun yet, or whose node went away. */
const AGAIN_MS: Millis = 1_000;
const AWAY_MS: Millis = 5_000;

/** A task whose log is followed. */
interface Followed {
  /** Undefined until its container has begun. */
  node: NodeId | undefined;
  state: "waiting" | "open" | "done";
  /** It will write no more: what is left is read, and then it is done. */
  ended: boolean;
  /** The cluster has no record of it any more. */
  forgotten: boolean;
  /** Not asked for before this moment. */
  notBefore: Millis;
  /** Where to begin: what the client has wished, or, once something was shown, the time of that. */
  readonly tail: string;
  last: string;
  /** What was shown last when the log was opened again. */
  resumedFrom: string;
}

/** A log that is followed: of the tasks that there are, and of those that will be. */
export class FollowedLogs {
  readonly #world: LogWorld;
  readonly #target: LogTarget;
  readonly #wish: LogWish;
  readonly #merge: TimeMerge;
  readonly #tasks = new Map<string, Followed>();
  /** Nodes that don't answer: said once, until they do. */
  readonly #away = new Set<NodeId>();
  readonly #said = new Set<string>();
  #timer: Timer | undefined;
  /** Whether the cluster has said once what there is. */
  #synced = false;
  #isServiceGone = false;

  constructor(world: LogWorld, { target, wish }: { readonly target: LogTarget; readonly wish: LogWish }) {
    this.#world = world;
    this.#target = target;
    this.#wish = wish;
    this.#merge = new TimeMerge(world.ports.clock, PATIENCE);
  }

  /**
   * Lines as they come. A node that goes away is named, and taken up again where it was when it is back. Ends when the
   * service is gone, or the one task has ended, and all is read; or with the signal.
   */
  async *entries(signal: AbortSignal): AsyncGenerator<readonly ShownEntry[], void, undefined> {
    await using scope = new Scope(this.#world.ports.log);
    const stop = (): void => this.#merge.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) return;
    const ending = new AbortController();
    signal.addEventListener("abort", () => ending.abort(signal.reason), { once: true });
    scope.run("follow the service", () => this.#watch(ending.signal));
    try {
      for await (const batch of this.#merge.batches()) {
        const shown: ShownEntry[] = [];
        for (const entry of batch) {
          const entryShown = await this.#take(entry, signal);
          if (entryShown !== undefined) shown.push(entryShown);
        }
        if (shown.length > 0) yield shown;
        this.#openSoon(ending.signal);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#timer?.cancel();
      ending.abort(new ClusterError("cancelled", "nobody reads this any more"));
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { service } = this.#target;
        let seen = new Set<string>();
        for await (const event of clusterEvents(this.#world.askCluster, service, signal)) {
          if (event.kind === "snapshot") seen = new Set();
          if ("id" in event) seen.add(event.id);
          this.#learn(event, seen);
          this.#openSoon(signal);
        }
      } catch (error) {
        if (!signal.aborted)
          this.#world.ports.log.debug("lost the events of a followed service", { error: messageOf(error) });
      }
      await sleep(this.#world.ports.clock, AGAIN_MS, signal).catch(() => {});
    }
  }

  #learn(event: ClusterEvent, seen: ReadonlySet<string>): void {
    switch (event.kind) {
      case "task":
        if (event.action === "put") this.#learnTask(event.object);
        else this.#forget(event.id);
        return;
      case "service":
        if (event.action === "remove") this.#isServiceGone = true;
        return;
      case "synced":
        this.#synced = true;
        if (!seen.has(this.#target.service)) this.#isServiceGone = true;
        for (const id of this.#tasks.keys()) if (!seen.has(id)) this.#forget(id);
        return;
      case "snapshot":
      case "node":
      case "network":
        return;
    }
  }

  #learnTask(task: Task): void {
    const wanted = this.#target.task ?? task.ID;
    if (wanted !== task.ID) return;
    const known = this.#tasks.get(task.ID);
    const node = nodeOfLog(task);
    if (node !== undefined) this.#world.onTask?.(task.ID, node);
    if (known !== undefined) {
      known.node ??= node;
      known.ended ||= hasEnded(task);
      return;
    }
    // Of a task that begins later nothing is left out.
    const tail = this.#synced ? "all" : this.#wish.tail;
    const fresh = { forgotten: false, notBefore: 0, tail, last: "", resumedFrom: "" };
    this.#tasks.set(task.ID, { ...fresh, node, state: "waiting", ended: hasEnded(task) });
  }

  #forget(id: string): void {
    const followed = this.#tasks.get(id);
    if (followed === undefined) return;
    followed.ended = true;
    followed.forgotten = true;
    if (followed.state !== "open") this.#tasks.delete(id);
  }

  /** Sees to it that what waits is asked for when it is due. */
  #openSoon(signal: AbortSignal): void {
    if (this.#isOver()) return this.#merge.close();
    if (this.#timer !== undefined) return;
    const { clock } = this.#world.ports;
    const waiting = [...this.#tasks.values()].filter(({ state, node }) => state === "waiting" && node !== undefined);
    if (waiting.length === 0) return;
    const due = Math.min(...waiting.map(({ notBefore }) => notBefore)) - clock.monotonic();
    this.#timer = clock.setTimer(Math.max(GATHER_MS, due), () => {
      this.#timer = undefined;
      if (signal.aborted) return;
      this.#open(signal);
      this.#openSoon(signal);
    });
  }

  #isOver(): boolean {
    const { task } = this.#target;
    if (!this.#synced || (task === undefined && !this.#isServiceGone)) return false;
    return [...this.#tasks.values()].every(
      ({ state, ended, node }) => ended && (state === "done" || node === undefined),
    );
  }

  #open(signal: AbortSignal): void {
    const now = this.#world.ports.clock.monotonic();
    const groups = new Map<string, { readonly node: NodeId; readonly wish: LogWish; readonly tasks: string[] }>();
    for (const [id, followed] of this.#tasks) {
      const { node, state, notBefore, last } = followed;
      if (state !== "waiting" || node === undefined || notBefore > now) continue;
      followed.state = "open";
      followed.resumedFrom = last;
      const tail = last === "" ? followed.tail : "all";
      const since = last === "" ? this.#wish.since : unixSeconds(last);
      const key = `${node} ${tail}`;
      const group = groups.get(key);
      const wish = { ...this.#wish, tail, since: group === undefined ? since : earlier(group.wish.since, since) };
      groups.set(key, { node, wish, tasks: [...(group?.tasks ?? []), id] });
    }
    for (const { node, wish, tasks } of groups.values()) {
      for (let at = 0; at < tasks.length; at += TASKS_MAX)
        this.#merge.add(nodeLogs(this.#world.ports, { node, wish, tasks: tasks.slice(at, at + TASKS_MAX) }, signal));
    }
  }

  /** What of an entry is shown. */
  async #take(entry: LogEntry, signal: AbortSignal): Promise<ShownEntry | undefined> {
    const followed = this.#tasks.get(entry.task);
    if (followed === undefined) return undefined;
    switch (entry.kind) {
      case "stdout":
      case "stderr":
        return this.#takeLine(entry, followed);
      case "end":
        this.#answered(followed);
        this.#settle(entry.task, followed, followed.ended ? "done" : "waiting", AGAIN_MS);
        return undefined;
      case "unreadable":
        this.#settle(entry.task, followed, "done", 0);
        return this.#sayOnce(entry.task, entry.message);
      case "lost":
        this.#settle(entry.task, followed, "waiting", AWAY_MS);
        return this.#sayAway(followed, entry.task, entry.message, signal);
    }
  }

  #takeLine(line: LogLine, followed: Followed): ShownEntry | undefined {
    this.#answered(followed);
    // Taken up again, a log begins with what was shown last.
    if (line.at <= followed.resumedFrom) return undefined;
    followed.last = line.at;
    return line;
  }

  #settle(task: string, followed: Followed, state: "waiting" | "done", delayMs: Millis): void {
    followed.state = state;
    followed.notBefore = this.#world.ports.clock.monotonic() + delayMs;
    if (followed.forgotten) this.#tasks.delete(task);
  }

  #answered({ node }: Followed): void {
    if (node !== undefined) this.#away.delete(node);
  }

  async #sayAway({ node }: Followed, task: string, why: string, signal: AbortSignal): Promise<ShownEntry | undefined> {
    if (node === undefined || this.#away.has(node)) return undefined;
    this.#away.add(node);
    const name = await nameOfNode(this.#world.askCluster, node, signal);
    return this.#notice(task, `node ${name} is not available: ${why}; its lines are missing until it is back`);
  }

  #sayOnce(task: string, message: string): ShownEntry | undefined {
    if (this.#said.has(message)) return undefined;
    this.#said.add(message);
    return this.#notice(task, message);
  }

  #notice(task: string, message: string): ShownEntry {
    return { kind: "notice", task, at: toTimestamp(this.#world.ports.clock.now()), message };
  }
}

/** `2026-11-21T03:00:00.123456789Z` as an engine takes it in a query. */
function unixSeconds(at: string): string {
  const [, nanos = "0"] = /\.(\d{1,9})/.exec(at) ?? [];
  return `${String(Math.floor(Date.parse(at) / 1_000))}.${nanos.padEnd(9, "0")}`;
}

/** Of two moments that `unixSeconds` has written; an empty one is the beginning of all. */
const earlier = (left: string, right: string): string => (Number(left) <= Number(right) ? left : right);
