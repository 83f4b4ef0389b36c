import { codeOf, messageOf, sleep, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import type { GossipDriver } from "@murmur/agent";
import type { AddressBook } from "./address-book.ts";
import type { CallMember } from "./admission.ts";
import { whoIs } from "./who-is.ts";

/** How long one address has to answer, and the pause before the others are asked again: it doubles up to the most. */
const ASK_MS: Millis = 2_000;
const FIRST_PAUSE_MS: Millis = 1_000;
const MOST_PAUSE_MS: Millis = 30_000;

/** Addresses at which the user says that nodes of the cluster are, and how they are asked who they are. */
export interface SeedAddresses {
  readonly addresses: readonly string[];
  readonly call: (signal: AbortSignal) => CallMember;
}

export interface SeedsOptions extends SeedAddresses {
  readonly self: NodeId;
  readonly caPem: () => string;
  readonly book: Pick<AddressBook, "found">;
  readonly gossip: Pick<GossipDriver, "join" | "member">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Finds the cluster at the addresses that the user has named, for a node all of whose known peers are elsewhere by now. An
 * address is asked until gossip shows its node alive; from then on gossip knows more than any list.
 */
export class Seeds {
  readonly #options: SeedsOptions;
  #open: readonly string[];
  /** Such as were warned of. */
  readonly #strangers = new Set<string>();

  constructor(options: SeedsOptions) {
    this.#options = options;
    this.#open = [...new Set(options.addresses)];
  }

  /** Asks all that are open, at the same time, once: takes two seconds at most. */
  async ask(signal: AbortSignal): Promise<void> {
    const asked = this.#open;
    const isDone = await Promise.all(asked.map((address) => this.#askOne(address, signal)));
    this.#open = asked.filter((_, at) => isDone[at] === false);
  }

  /** Asks on until none is open. */
  async seek(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let pause = FIRST_PAUSE_MS; this.#open.length > 0; pause = Math.min(MOST_PAUSE_MS, 2 * pause)) {
      await sleep(clock, pause, signal);
      await this.ask(signal);
    }
  }

  /** Whether there is nothing more to be asked at an address. */
  async #askOne(address: string, signal: AbortSignal): Promise<boolean> {
    const { self, caPem, call, book, gossip, clock, log } = this.#options;
    try {
      const id = await whoIs(address, { caPem: caPem(), call, clock, limitMs: ASK_MS, signal });
      if (id === self || gossip.member(id)?.state === "alive") return true;
      log.info("found a node of the cluster", { node: id, address });
      book.found(id, address);
      gossip.join([address]);
      return false;
    } catch (error) {
      if (signal.aborted) return false;
      this.#tell(address, error);
      return false;
    }
  }

  /** Who answers and is none of this cluster's may be what it is at the wrong time: clocks may be set, addresses change. */
  #tell(address: string, error: unknown): void {
    const { log } = this.#options;
    const isStranger = codeOf(error) === "unauthenticated" && !this.#strangers.has(address);
    if (isStranger) this.#strangers.add(address);
    log[isStranger ? "warn" : "debug"]("a --peer is no node of this cluster now", { address, error: messageOf(error) });
  }
}
