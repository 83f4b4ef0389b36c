import { ClusterError, MisdirectedError, unreachable, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { Command } from "@murmur/model";
import type { ApplyResult } from "@murmur/store";
import { abortReason } from "./abort-reason.ts";
import { encodeEntry } from "./codec.ts";
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

/** One request on its way. Whatever happens to it rings its bell, and `#bringIn` looks what it was. */
interface Request {
  readonly requestId: string;
  readonly data: Uint8Array;
  readonly waiter: Waiter;
  /** The term whose leader may have it in its log. Invariant: it was offered to no other since that was last certain. */
  offeredIn: number | undefined;
  /** Whether that leader said that it has it. */
  accepted: boolean;
  /** Why nobody waits for it any more. */
  ended: "late" | "stopping" | "cancelled" | undefined;
  bell: () => void;
}

const silent = (): void => {};

/**
 * Brings commands into the replicated log, once. An entry is found again by its request id when it is applied on this
 * manager. When the leader changes in between, a read barrier in the new term tells for certain whether the entry made
 * it: the old leader accepts offers for its own term only, and nothing of an older term is committed after the new
 * leader's first entry. Only then is the entry offered again.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  /** Bounded by the replica, which takes no more that wait. */
  readonly #open = new Set<Request>();
  #watching = false;

  constructor(options: SubmitterOptions) {
    this.#options = options;
    const { stopping } = options;
    stopping.addEventListener("abort", () => this.#stop(), { once: true });
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
    const { clock, stopping } = this.#options;
    const request = this.#newRequest(commands);
    const onAbort = (): void => end(request, "cancelled");
    const timer = clock.setTimer(timeoutMs, () => end(request, "late"));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    if (stopping.aborted) end(request, "stopping");
    this.#open.add(request);
    try {
      const outcome = await this.#bringIn(request);
      if (outcome !== undefined) return resultsOf(outcome);
      if (request.ended === "cancelled") throw abortReason(signal);
      if (request.offeredIn !== undefined) throw unconfirmed();
      throw request.ended === "late" ? noLeader() : stopped();
    } finally {
      this.#open.delete(request);
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      request.waiter.cancel();
    }
  }

  #newRequest(commands: readonly Command[]): Request {
    const { replica, newId } = this.#options;
    const requestId = newId();
    const data = encodeEntry({ requestId, commands });
    const request: Request = {
      requestId,
      data,
      waiter: replica.expect(requestId, () => request.bell()),
      offeredIn: undefined,
      accepted: false,
      ended: undefined,
      bell: silent,
    };
    return request;
  }

  /** Offers the request to one leader after the other until its outcome is certain; undefined when it ends before. */
  async #bringIn(request: Request): Promise<Outcome | undefined> {
    const { consensus } = this.#options;
    for (;;) {
      const done = request.waiter.settled();
      if (done !== undefined) return done;
      if (request.ended !== undefined) return undefined;
      const { id: leader, term } = consensus.leader();
      if (request.offeredIn !== undefined && request.offeredIn !== term) await this.#findOut(request);
      else if (leader === undefined || request.accepted) await this.#news(request);
      else await this.#offer(request, { leader, term });
    }
  }

  /** Resolves at whatever happens next to the request: it was applied, it ended, the leader changed. */
  #news(request: Request): Promise<void> {
    this.#watchLeader();
    return new Promise((resolve) => {
      request.bell = () => {
        request.bell = silent;
        resolve();
      };
    });
  }

  /** Offers the request once; sets `accepted` when the leader has it in its log. */
  async #offer(request: Request, to: { readonly leader: NodeId; readonly term: number }): Promise<void> {
    const { requestId, data } = request;
    const before = request.offeredIn;
    // From here on it may have it, whatever comes back: an answer can be lost, and an offer can be late.
    request.offeredIn = to.term;
    const offer = await this.#answer(request, to, { term: to.term, requestId, data });
    switch (offer?.kind) {
      case undefined:
        return;
      case "accepted":
        request.accepted = true;
        return;
      case "unknown":
        return this.#pause(request);
      case "refused":
        request.offeredIn = before;
        return this.#pause(request);
      case "overloaded":
        request.offeredIn = before;
        if (before !== undefined) return this.#pause(request);
        throw new ClusterError("overloaded", "the leader has too much to do; try again in a moment");
      case "too_large":
        request.offeredIn = before;
        throw new ClusterError("invalid_argument", "the request is larger than a log entry may be (1.5 MiB)");
      default:
        return unreachable(offer);
    }
  }

  /**
   * The leader's answer; undefined when it does not matter any more. An offer that outlives its leader's term is not
   * waited for: a host that fell silent answers only by time-outs.
   */
  async #answer(request: Request, { leader, term }: { leader: NodeId; term: number }, offered: OfferedRequest) {
    const { consensus, stopping } = this.#options;
    const answered: { offer?: Offer; error?: unknown } = {};
    consensus.offer(leader, offered, stopping).then(
      (offer) => {
        answered.offer = offer;
        request.bell();
      },
      (error: unknown) => {
        answered.error = error;
        request.bell();
      },
    );
    while (!isOver(request) && consensus.leader().term === term) {
      if (answered.error !== undefined) throw answered.error;
      if (answered.offer !== undefined) return answered.offer;
      await this.#news(request);
    }
    return undefined;
  }

  /**
   * Finds out what became of a request that was offered in a term that is over. Unless it was applied, it is in no log
   * afterwards, and will never be.
   */
  async #findOut(request: Request): Promise<void> {
    const { consensus } = this.#options;
    const over = new AbortController();
    request.bell = () => {
      if (isOver(request)) over.abort(new Error("the request is over"));
    };
    try {
      await consensus.barrier(over.signal);
      if (request.waiter.settled() !== undefined) return;
      request.offeredIn = undefined;
      request.accepted = false;
    } catch (error) {
      if (isOver(request)) return;
      // The new leader was lost as well before it had confirmed the read: the question stays open.
      if (!(error instanceof ClusterError)) throw error;
      await this.#pause(request);
    }
  }

  async #pause(request: Request): Promise<void> {
    const { clock } = this.#options;
    let rested = false;
    const timer = clock.setTimer(RETRY_MS, () => {
      rested = true;
      request.bell();
    });
    while (!rested && !isOver(request)) await this.#news(request);
    timer.cancel();
  }

  /** Rings every open request's bell whenever the leader changes, for as long as there are any. */
  #watchLeader(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { consensus, stopping } = this.#options;
    consensus.leaderChanged(stopping).then(
      () => {
        this.#watching = false;
        if (this.#open.size > 0) this.#watchLeader();
        for (const request of this.#open) request.bell();
      },
      // Stopping rings them too.
      () => {},
    );
  }

  #stop(): void {
    for (const request of this.#open) end(request, "stopping");
  }
}

function end(request: Request, why: NonNullable<Request["ended"]>): void {
  request.ended ??= why;
  request.bell();
}

const isOver = ({ waiter, ended }: Request): boolean => waiter.settled() !== undefined || ended !== undefined;

function resultsOf(outcome: Outcome): readonly ApplyResult[] {
  if (outcome.kind === "applied") return outcome.results;
  throw new ClusterError(
    "timeout",
    "this manager fell behind and lost sight of the request: look at the object before you repeat it",
  );
}

/** For whoever needs a leader and finds none in time. */
export const noLeader = (): ClusterError =>
  new ClusterError(
    "no_leader",
    // Docker's clients look for the first sentence, and for the last one.
    "The swarm does not have a leader: too few managers can reach each other, see `murmur node ls`. Make sure more than half of the managers are online.",
  );

const stopped = (): ClusterError => new MisdirectedError("this manager is stopping; ask another one");

const unconfirmed = (): ClusterError =>
  new ClusterError(
    "timeout",
    "the managers did not confirm the request in time: look at the object before you repeat it",
  );
