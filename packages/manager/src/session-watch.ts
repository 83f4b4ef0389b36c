import { codeOf, messageOf, sleep, type Clock, type Log, type Millis, type NodeId, type Scope } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Peers } from "./ports.ts";

/** What a manager answers with the nodes that it has sessions with. */
export const SESSIONS_METHOD = "session.nodes";

const ROUND_MS: Millis = 1_000;
const ASK_TIMEOUT_MS: Millis = 500;
/**
 * Rounds in a row in which no manager had a session with a node. So many seconds are Swarm's three heartbeats; an agent
 * that can reach any manager has a new session within a few.
 */
const ROUNDS_MAX = 15;
/** So many are declared down in one entry of the log. */
const NODES_PER_ENTRY = 256;

export interface SessionWatchOptions {
  readonly self: NodeId;
  readonly view: () => View;
  readonly peers: Peers;
  readonly managers: () => readonly NodeId[];
  /** The nodes that this manager has sessions with. */
  readonly sessions: () => readonly NodeId[];
  readonly submit: (commands: readonly InternalCommand[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's watch over nodes that gossip reaches and no manager does: their datagrams get through, their connections
 * don't. Such a node hears of no task and reports none, so after a while it is down, however alive it is. Sessions are not
 * tied to the leader, and each leader begins to count anew; rounds are counted and not seconds, so that a leader that was
 * stopped for a while judges nobody by that.
 */
export class SessionWatch {
  readonly #options: SessionWatchOptions;
  /** In how many rounds in a row each node that is ready was without a session. Invariant: none of 0. */
  #missing: ReadonlyMap<NodeId, number> = new Map();

  constructor(options: SessionWatchOptions) {
    this.#options = options;
  }

  /** Starts the watch in a scope; it ends with it. */
  start(scope: Scope): void {
    const { clock, log } = this.#options;
    scope.run("session watch", async (signal) => {
      while (!signal.aborted) {
        await sleep(clock, ROUND_MS, signal);
        try {
          await this.#round(signal);
        } catch (error) {
          if (!signal.aborted) log.debug("could not record that nodes have no session", { error: messageOf(error) });
        }
      }
    });
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { self, managers, sessions, view, submit, clock, log } = this.#options;
    const others = managers().filter((manager) => manager !== self);
    const answers = await Promise.all(others.map((manager) => this.#ask(manager, signal)));
    if (signal.aborted) return;
    const served = new Set([self, ...sessions(), ...answers.flat()]);
    const missing = new Map<NodeId, number>();
    for (const { id, status } of view().nodes()) {
      if (status.state === "ready" && !served.has(id)) missing.set(id, (this.#missing.get(id) ?? 0) + 1);
    }
    this.#missing = missing;
    const lost = [...missing].filter(([, rounds]) => rounds >= ROUNDS_MAX).map(([id]) => id);
    if (lost.length === 0) return;
    for (const id of lost) log.warn("node is down: it has no session with any manager", { node: id });
    const message = `no manager has had a session with the node for ${String(ROUNDS_MAX)} s, though gossip reaches it`;
    const now = clock.now();
    for (let at = 0; at < lost.length; at += NODES_PER_ENTRY) {
      const part = lost.slice(at, at + NODES_PER_ENTRY);
      await submit(part.map((id) => ({ kind: "setNodeState", id, state: "down", message, now })));
    }
  }

  /** A manager that doesn't answer has no say: what it tells its agents is old, and what they report goes nowhere. */
  async #ask(manager: NodeId, signal: AbortSignal): Promise<readonly NodeId[]> {
    const { peers, log } = this.#options;
    try {
      const answer = await peers.call(manager, SESSIONS_METHOD, null, { signal, timeoutMs: ASK_TIMEOUT_MS });
      return Array.isArray(answer) ? answer.filter((id): id is NodeId => typeof id === "string") : [];
    } catch (error) {
      log.debug("manager did not say whom it has sessions with", { manager, code: codeOf(error) });
      return [];
    }
  }
}
