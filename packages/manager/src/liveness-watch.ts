import { codeOf, messageOf, type Clock, type Log, type Millis, type NodeId, type Scope } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Liveness, Peers } from "./ports.ts";

/** How often the leader compares nodes, gossip and sessions. */
const CHECK_MS: Millis = 100;
/** How long another manager may take to say whether it has a session with a node that gossip calls dead. */
const ASK_TIMEOUT_MS: Millis = 300;
/**
 * A node that gossip has not heard of since this manager's start gets this long to show up: after a power cut not all
 * hosts are back at the same moment, and none of them is to lose its tasks for that.
 */
const GRACE_MS: Millis = 10_000;

export interface LivenessWatchOptions {
  readonly self: NodeId;
  readonly view: () => View;
  readonly liveness: Liveness;
  readonly peers: Peers;
  readonly managers: () => readonly NodeId[];
  readonly hasSession: (id: NodeId) => boolean;
  /** Whether Raft's messages of a manager come through. */
  readonly hears: (id: NodeId) => boolean;
  readonly submit: (commands: readonly InternalCommand[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's watch over the nodes. A node is down when gossip says dead *and* no manager has a live session with it:
 * either alone is not enough, so a node that is merely slow on one of the two ways is not declared dead. A manager that
 * takes part in Raft isn't down either: its agent has its session there, and would be called ready and down by turns.
 */
export class LivenessWatch {
  readonly #options: LivenessWatchOptions;
  readonly #startedAt: Millis;
  /** Nodes whose verdict is being asked for; one question a node at a time. */
  readonly #asking = new Set<NodeId>();

  constructor(options: LivenessWatchOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  /** Starts the watch in a scope; it ends with it. */
  start(scope: Scope): void {
    const { clock } = this.#options;
    const tick = (): void => {
      this.#check(scope);
      timer = clock.setTimer(CHECK_MS, tick);
    };
    let timer = clock.setTimer(CHECK_MS, tick);
    scope.defer(() => timer.cancel());
  }

  #check(scope: Scope): void {
    const { view, log } = this.#options;
    for (const { id, status } of view().nodes()) {
      if (status.state === "down" || this.#asking.has(id) || !this.#seemsDown(id)) continue;
      this.#asking.add(id);
      scope.run("node liveness", async (signal) => {
        try {
          await this.#judge(id, signal);
        } catch (error) {
          if (!signal.aborted) log.debug("could not record that a node is down", { node: id, error: messageOf(error) });
        } finally {
          this.#asking.delete(id);
        }
      });
    }
  }

  #seemsDown(id: NodeId): boolean {
    const { self, hasSession, hears, liveness, clock } = this.#options;
    if (id === self || hasSession(id) || hears(id)) return false;
    const verdict = liveness.verdict(id);
    return verdict === "dead" || (verdict === "unheard" && clock.monotonic() - this.#startedAt >= GRACE_MS);
  }

  async #judge(id: NodeId, signal: AbortSignal): Promise<void> {
    const { managers, self, log, submit, clock } = this.#options;
    const others = managers().filter((manager) => manager !== self && manager !== id);
    const answers = await Promise.all(others.map((manager) => this.#askSession(manager, id, signal)));
    if (signal.aborted || answers.includes(true) || !this.#seemsDown(id)) return;
    log.warn("node is down", { node: id });
    const message = "no manager hears from the node and gossip has declared it dead";
    await submit([{ kind: "setNodeState", id, state: "down", message, now: clock.now() }]);
  }

  /** A manager that doesn't answer has no say: it may be on the lost side itself. */
  async #askSession(manager: NodeId, id: NodeId, signal: AbortSignal): Promise<boolean> {
    try {
      return (
        (await this.#options.peers.call(manager, "session.has", id, { signal, timeoutMs: ASK_TIMEOUT_MS })) === true
      );
    } catch (error) {
      this.#options.log.debug("manager did not say whether it hears a node", {
        manager,
        node: id,
        code: codeOf(error),
      });
      return false;
    }
  }
}
