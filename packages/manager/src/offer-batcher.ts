import { codeOf, type Log, type Millis, type NodeId } from "@murmur/base";
import { isOffers } from "./messages.ts";
import type { Peers } from "./ports.ts";
import type { Offer, OfferedRequest } from "./submitter.ts";

export const OFFER_METHOD = "raft.offer";
const OFFER_TIMEOUT_MS: Millis = 2_000;
/** The most that one call carries; a single request may be larger. Well below what a message may take. */
const REQUESTS_PER_CALL = 1_024;
const BYTES_PER_CALL = 1024 * 1024;
/** The most that waits for the call under way. More is answered with `overloaded`. */
const WAITING_MAX = 16_384;
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

export interface OfferBatcherOptions {
  readonly peers: Pick<Peers, "call">;
  readonly log: Log;
}

interface Waiting {
  readonly request: OfferedRequest;
  readonly answer: (offer: Offer) => void;
}

/**
 * Takes offers to another manager that leads: one call is on its way at a time, and all that is offered meanwhile goes
 * with the next. Under load the calls grow instead of their number. Never rejects: what is not known is `unknown`.
 */
export class OfferBatcher {
  readonly #options: OfferBatcherOptions;
  readonly #leader: NodeId;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #calling = false;

  constructor(leader: NodeId, options: OfferBatcherOptions) {
    this.#leader = leader;
    this.#options = options;
  }

  /** The signal ends the call that it starts, if any; it is the same for all. */
  offer(request: OfferedRequest, signal: AbortSignal): Promise<Offer> {
    const bytes = this.#bytes + request.data.byteLength;
    if (this.#waiting.length > 0 && (this.#waiting.length >= WAITING_MAX || bytes > WAITING_BYTES_MAX))
      return Promise.resolve({ kind: "overloaded" });
    this.#bytes = bytes;
    return new Promise((answer) => {
      this.#waiting.push({ request, answer });
      if (this.#calling) return;
      this.#calling = true;
      // Never rejects.
      void this.#callAll(signal);
    });
  }

  async #callAll(signal: AbortSignal): Promise<void> {
    // Lets the other offers of this turn come along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      const offers = await this.#call(
        batch.map(({ request }) => request),
        signal,
      );
      for (const [at, { answer }] of batch.entries()) answer(offers?.[at] ?? { kind: "unknown" });
    }
    this.#calling = false;
  }

  #nextBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { request } of this.#waiting) {
      const more = bytes + request.data.byteLength;
      if (count > 0 && (count >= REQUESTS_PER_CALL || more > BYTES_PER_CALL)) break;
      bytes = more;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #call(requests: readonly OfferedRequest[], signal: AbortSignal): Promise<readonly Offer[] | undefined> {
    const { peers, log } = this.#options;
    try {
      const answer = await peers.call(this.#leader, OFFER_METHOD, requests, { signal, timeoutMs: OFFER_TIMEOUT_MS });
      return isOffers(answer) && answer.length === requests.length ? answer : undefined;
    } catch (error) {
      log.debug("offers got no answer", { leader: this.#leader, count: requests.length, code: codeOf(error) });
      return undefined;
    }
  }
}
