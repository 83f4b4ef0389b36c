import { ClusterError, sleep, unreachable, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { Command } from "@murmur/model";
import type { ApplyResult } from "@murmur/store";
import { encodeEntry } from "./codec.ts";
import { withDeadline } from "./deadline.ts";
import type { Outcome, Replica, Waiter } from "./replica.ts";

/** How long a request may wait for a leader and a quorum before its caller is told. */
const SUBMIT_TIMEOUT_MS: Millis = 10_000;
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

export interface SubmitterOptions {
  readonly consensus: Consensus;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Aborted when this manager stops: nobody waits any longer. */
  readonly stopping: AbortSignal;
}

/** One request on its way. */
interface Request {
  readonly requestId: string;
  readonly data: Uint8Array;
  readonly waiter: Waiter;
  /** The term whose leader may have it in its log. Invariant: it was offered to no other since that was last certain. */
  offeredIn: number | undefined;
}

/**
 * Brings commands into the replicated log, once. An entry is found again by its request id when it is applied on this
 * manager. When the leader changes in between, a read barrier in the new term tells for certain whether the entry made
 * it: the old leader accepts offers for its own term only, and nothing of an older term is committed after the new
 * leader's first entry. Only then is the entry offered again.
 */
export class Submitter {
  readonly #options: SubmitterOptions;

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /**
   * Resolves with one result a command when the entry is committed and applied here. Rejects with `no_leader` when
   * nothing was accepted within the time limit, `timeout` when the outcome is not known, `overloaded`, `unavailable`
   * when this manager stops, `invalid_argument` when the commands are larger than an entry may be.
   */
  async submit(
    commands: readonly Command[],
    signal: AbortSignal,
    timeoutMs = SUBMIT_TIMEOUT_MS,
  ): Promise<readonly ApplyResult[]> {
    const { replica, clock, newId, stopping } = this.#options;
    const requestId = newId();
    const data = encodeEntry({ requestId, commands });
    const waiter = replica.expect(requestId);
    const late = new ClusterError("timeout", "the time limit has passed");
    const deadline = { clock, limitMs: timeoutMs, late: () => late, signals: [signal, stopping] };
    const request: Request = { requestId, data, waiter, offeredIn: undefined };
    try {
      return resultsOf(await withDeadline(deadline, (until) => this.#bringIn(request, until)));
    } catch (error) {
      if (error !== late && error !== stopping.reason) throw error;
      if (request.offeredIn !== undefined) throw unconfirmed();
      throw error === late ? noLeader() : new ClusterError("unavailable", "this manager is stopping; ask another one");
    } finally {
      waiter.cancel();
    }
  }

  /** Offers the request to one leader after the other until its outcome is certain. */
  async #bringIn(request: Request, signal: AbortSignal): Promise<Outcome> {
    const { consensus, clock } = this.#options;
    for (;;) {
      const done = request.waiter.settled();
      if (done !== undefined) return done;
      signal.throwIfAborted();
      const { id: leader, term } = consensus.leader();
      if (request.offeredIn !== undefined && request.offeredIn !== term) {
        const outcome = await this.#findOut(request.waiter, request.offeredIn, signal);
        if (outcome !== undefined) return outcome;
        request.offeredIn = undefined;
      } else if (leader === undefined) {
        await consensus.leaderChanged(signal);
      } else if (await this.#offer(request, { leader, term }, signal)) {
        const outcome = await this.#findOut(request.waiter, term, signal);
        if (outcome !== undefined) return outcome;
        request.offeredIn = undefined;
      } else {
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }

  /** Offers the request once. True when the leader has it in its log; false: look again who leads. */
  async #offer(
    request: Request,
    { leader, term }: { readonly leader: NodeId; readonly term: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { consensus } = this.#options;
    const { requestId, data } = request;
    const before = request.offeredIn;
    // From here on it may have it, whatever comes back: an answer can be lost, and an offer can be late.
    request.offeredIn = term;
    const offer = await this.#whileLeading(term, signal, (ended) =>
      consensus.offer(leader, { term, requestId, data }, ended),
    );
    switch (offer.kind) {
      case "accepted":
        return true;
      case "unknown":
        return false;
      case "refused":
        request.offeredIn = before;
        return false;
      case "overloaded":
        request.offeredIn = before;
        if (before !== undefined) return false;
        throw new ClusterError("overloaded", "the leader has too much to do; try again in a moment");
      case "too_large":
        request.offeredIn = before;
        throw new ClusterError("invalid_argument", "the request is larger than a log entry may be (1 MiB)");
      default:
        return unreachable(offer);
    }
  }

  /** An offer that outlives its leader's term is not waited for: a host that fell silent answers only by time-outs. */
  async #whileLeading(
    term: number,
    signal: AbortSignal,
    offer: (ended: AbortSignal) => Promise<Offer>,
  ): Promise<Offer> {
    const { consensus } = this.#options;
    const over = new AbortController();
    const ended = AbortSignal.any([signal, over.signal]);
    const watch = async (): Promise<void> => {
      while (consensus.leader().term === term) await consensus.leaderChanged(ended);
      over.abort(new ClusterError("unavailable", "the leader has changed"));
    };
    watch().catch(() => {});
    try {
      return await offer(ended);
    } catch (error) {
      signal.throwIfAborted();
      if (!ended.aborted) throw error;
      return { kind: "unknown" };
    } finally {
      over.abort(new Error("the offer was answered"));
    }
  }

  /**
   * Waits until the outcome of a request that was offered in a term is certain; undefined: it is in no log, and will
   * never be.
   */
  async #findOut(waiter: Waiter, term: number, signal: AbortSignal): Promise<Outcome | undefined> {
    const { consensus, clock } = this.#options;
    const settled = new AbortController();
    const until = AbortSignal.any([signal, settled.signal]);
    waiter.outcome.then(
      () => settled.abort(new Error("settled")),
      () => {},
    );
    for (;;) {
      try {
        while (waiter.settled() === undefined && consensus.leader().term === term) await consensus.leaderChanged(until);
        if (waiter.settled() === undefined) await consensus.barrier(until);
        return waiter.settled();
      } catch (error) {
        if (waiter.settled() !== undefined) return waiter.settled();
        signal.throwIfAborted();
        // The new leader was lost as well before it had confirmed the read: the question stays open.
        if (!(error instanceof ClusterError)) throw error;
        await sleep(clock, RETRY_MS, signal);
      }
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

/** For whoever needs a leader and finds none in time. */
export const noLeader = (): ClusterError =>
  new ClusterError("no_leader", "no leader: too few managers can reach each other; see `murmur node ls`");

const unconfirmed = (): ClusterError =>
  new ClusterError(
    "timeout",
    "the managers did not confirm the request in time: look at the object before you repeat it",
  );
