import { messageOf, type Clock, type Log, type Millis, type NodeId, type Scope, type Timer } from "@murmur/base";
import type { AddressBook } from "./address-book.ts";

/** What changes within this time is written together. */
const GATHER_MS: Millis = 1_000;

type Peers = readonly { readonly id: NodeId; readonly address: string }[];

export interface PeerRecordsOptions {
  readonly book: Pick<AddressBook, "all">;
  /** What is on the disk at the start. */
  readonly stored: Peers;
  readonly write: (peers: Peers) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps on the disk where the other nodes are, for finding them after a restart. Written when it has changed, at most once
 * a second, and when the scope ends. What can't be written stays in use; the next change brings another try.
 */
export class PeerRecords {
  readonly #options: PeerRecordsOptions;
  readonly #scope: Scope;
  #stored: string;
  #timer: Timer | undefined;

  constructor(options: PeerRecordsOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#stored = JSON.stringify(options.stored);
    scope.defer(() => {
      this.#timer?.cancel();
      return this.#write();
    });
  }

  /** The address of some node may be another one now. */
  changed(): void {
    if (this.#timer !== undefined || this.#scope.closed) return;
    this.#timer = this.#options.clock.setTimer(GATHER_MS, () => {
      this.#timer = undefined;
      this.#scope.run("peers' addresses", () => this.#write());
    });
  }

  async #write(): Promise<void> {
    const { book, write, log } = this.#options;
    const peers = book.all();
    const text = JSON.stringify(peers);
    if (text === this.#stored) return;
    try {
      await write(peers);
      this.#stored = text;
    } catch (error) {
      log.error("the nodes' addresses can't be stored; check the data directory", { error: messageOf(error) });
    }
  }
}
