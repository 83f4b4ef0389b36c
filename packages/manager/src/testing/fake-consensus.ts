import { nodeId, type Clock, type NodeId, type Random } from "@murmur/base";
import { abortReason } from "../abort-reason.ts";
import { ChangeBell } from "../change-bell.ts";
import { OfferLedger } from "../offer-ledger.ts";
import type { Replica } from "../replica.ts";
import type { Consensus, Offer, OfferedRequest } from "../submitter.ts";

interface Entry {
  readonly term: number;
  readonly data: Uint8Array;
}

/**
 * Raft as the submitter sees it, with one replica and leaders that come and go: an entry is taken by the leader of its
 * term, and committed later, or lost when the leader changes. Offers and answers get lost, or come late.
 */
export class FakeConsensus implements Consensus {
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bell = new ChangeBell();
  readonly #ledger = new OfferLedger();
  #term = 1;
  #leader: NodeId | undefined = nodeId("leader1");
  #uncommitted: Entry[] = [];
  #index = 0;
  /** Probabilities. */
  offerLost = 0;
  answerLost = 0;
  /** What the leader says instead of taking an offer. */
  refusal: Offer | undefined;
  /** How late an offer may arrive. */
  latencyMs = 0;
  taken = 0;

  constructor(options: { replica: Replica; clock: Clock; random: Random }) {
    this.#replica = options.replica;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  leader(): { readonly id: NodeId | undefined; readonly term: number } {
    return { id: this.#leader, term: this.#term };
  }

  leaderChanged(signal: AbortSignal): Promise<void> {
    return this.#bell.wait(signal);
  }

  async offer(_leader: NodeId, request: OfferedRequest, signal: AbortSignal): Promise<Offer> {
    const arrives = this.#random.next() >= this.offerLost;
    const answered = this.#random.next() >= this.answerLost;
    const arrival = this.#wait(this.#random.next() * this.latencyMs);
    const answer = arrival.then((): Offer => (arrives ? this.#take(request) : { kind: "unknown" }));
    if (!arrives || !answered) {
      await this.#wait(this.#random.next() * 50);
      signal.throwIfAborted();
      return { kind: "unknown" };
    }
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(abortReason(signal)), { once: true });
    });
    return Promise.race([answer, aborted]);
  }

  async barrier(signal: AbortSignal): Promise<void> {
    while (this.#leader === undefined) await this.#bell.wait(signal);
    // The leader's first entry, and with it everything before, is committed.
    this.commit();
  }

  /** Everything that the leader has taken becomes certain. */
  commit(): void {
    for (const { data } of this.#uncommitted.splice(0)) {
      this.#index += 1;
      this.#replica.apply({ index: this.#index, kind: "normal", data });
    }
  }

  /** The leader is lost; so many of its entries have made it to the next one. */
  lose(kept = 0): void {
    this.#uncommitted = this.#uncommitted.slice(0, kept);
    this.#leader = undefined;
    this.#bell.ring();
  }

  /** Another leader, in a later term. */
  elect(): void {
    this.#term += 1;
    this.#leader = nodeId(`leader${String(this.#term)}`);
    this.#ledger.startTerm(this.#term);
    this.#bell.ring();
  }

  #take(request: OfferedRequest): Offer {
    if (this.#leader === undefined) return { kind: "refused", reason: "not_leader" };
    if (request.term !== this.#term) return { kind: "refused", reason: "other_term" };
    if (this.#ledger.has(request.requestId)) return { kind: "accepted" };
    if (this.refusal !== undefined) return this.refusal;
    this.#ledger.add(request.requestId);
    this.#uncommitted.push({ term: request.term, data: request.data });
    this.taken += 1;
    return { kind: "accepted" };
  }

  #wait(delayMs: number): Promise<void> {
    if (delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#clock.setTimer(delayMs, resolve));
  }
}
