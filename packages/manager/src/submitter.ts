import { ClusterError, sleep, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { Command } from "@murmur/model";
import type { ApplyResult } from "@murmur/store";
import { encodeEntry } from "./codec.ts";
import type { Outcome, Replica } from "./replica.ts";

/** How long a request may wait for a leader and a quorum before its caller is told. */
export const SUBMIT_TIMEOUT_MS: Millis = 10_000;
/** Between two tries when the leader refused. */
const RETRY_MS: Millis = 20;

/** What a leader said of an entry that it was offered. */
export type Offer =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly reason: "not_leader" | "transferring" | "other_term" }
  | { readonly kind: "overloaded" }
  | { readonly kind: "too_large" }
  /** The offer was sent, and no answer came: it may be in the leader's log or not. */
  | { readonly kind: "unknown" };

export interface OfferedRequest {
  readonly term: number;
  readonly requestId: string;
  readonly data: Uint8Array;
}

/** What the submitter needs of raft. */
export interface Consensus {
  /** The leader and its term as far as this manager knows. */
  leader(): { readonly id: NodeId | undefined; readonly term: number };
  /** Resolves when what `leader()` says has changed. */
  leaderChanged(signal: AbortSignal): Promise<void>;
  /**
   * Offers an entry to the leader of `term`; refused when it is not that term's leader any more. The same request may
   * be offered to it again: it takes it into its log once.
   */
  offer(leader: NodeId, request: OfferedRequest, signal: AbortSignal): Promise<Offer>;
  /** Resolves when this replica has applied all that was committed when it was called, confirmed by a quorum. */
  barrier(signal: AbortSignal): Promise<void>;
}

/**
 * Brings commands into the replicated log, once. An entry is found again by its request id when it is applied on this
 * manager. When the leader changes in between, a read barrier in the new term tells for certain whether the entry made
 * it: the old leader accepts offers for its own term only, and nothing of an older term is committed after the new
 * leader's first entry. Only then is the entry offered again.
 */
export class Submitter {
  readonly #consensus: Consensus;
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #newId: () => string;

  constructor(options: { consensus: Consensus; replica: Replica; clock: Clock; newId: () => string }) {
    this.#consensus = options.consensus;
    this.#replica = options.replica;
    this.#clock = options.clock;
    this.#newId = options.newId;
  }

  /**
   * Resolves with one result a command when the entry is committed and applied here. Rejects with `no_leader` when
   * nothing was accepted within the time limit, `timeout` when the outcome is not known, `overloaded`,
   * `invalid_argument` when the commands are larger than an entry may be.
   */
  async submit(
    commands: readonly Command[],
    signal: AbortSignal,
    timeoutMs = SUBMIT_TIMEOUT_MS,
  ): Promise<readonly ApplyResult[]> {
    const requestId = this.#newId();
    const data = encodeEntry({ requestId, commands });
    const waiter = this.#replica.expect(requestId);
    const deadline = new AbortController();
    const abort = (): void => deadline.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const timer = this.#clock.setTimer(timeoutMs, () =>
      deadline.abort(new ClusterError("timeout", "the time limit has passed")),
    );
    let offered = false;
    try {
      for (;;) {
        const done = waiter.settled();
        if (done !== undefined) return resultsOf(done);
        deadline.signal.throwIfAborted();
        const { id: leader, term } = this.#consensus.leader();
        if (leader === undefined) {
          await this.#consensus.leaderChanged(deadline.signal);
          continue;
        }
        const offer = await this.#consensus.offer(leader, { term, requestId, data }, deadline.signal);
        if (offer.kind === "overloaded")
          throw new ClusterError("overloaded", "the leader has too much to do; try again in a moment");
        if (offer.kind === "too_large")
          throw new ClusterError("invalid_argument", "the request is larger than a log entry may be (1 MiB)");
        if (offer.kind === "refused") {
          // An earlier offer of this request without an answer may still be in that term's log.
          if (offered && this.#consensus.leader().term !== term) {
            const outcome = await this.#follow(term, waiter.outcome, deadline.signal);
            if (outcome !== undefined) return resultsOf(outcome);
            offered = false;
          }
          await sleep(this.#clock, RETRY_MS, deadline.signal);
          continue;
        }
        offered = true;
        if (offer.kind === "unknown" && this.#consensus.leader().term === term) {
          await sleep(this.#clock, RETRY_MS, deadline.signal);
          continue;
        }
        const outcome = await this.#follow(term, waiter.outcome, deadline.signal);
        if (outcome !== undefined) return resultsOf(outcome);
        offered = false;
      }
    } catch (error) {
      if (signal.aborted || error instanceof ClusterError === false || error.code !== "timeout") throw error;
      if (!offered)
        throw new ClusterError("no_leader", "no leader: too few managers can reach each other; see `murmur node ls`");
      throw new ClusterError(
        "timeout",
        "the managers did not confirm the request in time: look at the object before you repeat it",
      );
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", abort);
      waiter.cancel();
    }
  }

  /** Follows an offered entry until its outcome is certain; undefined: it is in no log and will never be. */
  async #follow(term: number, outcome: Promise<Outcome>, signal: AbortSignal): Promise<Outcome | undefined> {
    let settled: Outcome | undefined;
    const changed = new AbortController();
    const abort = (): void => changed.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const applied = outcome.then((value) => {
      settled = value;
      changed.abort(new Error("settled"));
    });
    try {
      for (;;) {
        try {
          while (settled === undefined && this.#consensus.leader().term === term) {
            await Promise.race([applied, this.#consensus.leaderChanged(changed.signal)]);
          }
          if (settled !== undefined) return settled;
          await this.#consensus.barrier(changed.signal);
          return settled;
        } catch (error) {
          if (settled !== undefined) return settled;
          signal.throwIfAborted();
          // The new leader was lost as well before it had confirmed the read: the question stays open.
          if (!(error instanceof ClusterError)) throw error;
          await sleep(this.#clock, RETRY_MS, signal);
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

function resultsOf(outcome: Outcome): readonly ApplyResult[] {
  if (outcome.kind === "applied") return outcome.results;
  throw new ClusterError(
    "timeout",
    "this manager fell behind and lost sight of the request: look at the object before you repeat it",
  );
}
