import { ClusterError } from "@murmur/base";
import type { ReceiveOptions, SnapshotMeta, SnapshotReceiver } from "./log-storage.ts";
import type { MemorySnapshot } from "./memory-image.ts";

/** A snapshot that arrives in pieces, kept in memory until it is complete. */
export class MemoryReceiver implements SnapshotReceiver {
  readonly meta: SnapshotMeta;
  readonly #source: string;
  readonly #publish: (snapshot: MemorySnapshot) => Promise<void>;
  #parts: Uint8Array[] = [];
  #received = 0;
  #ended = false;

  constructor(options: ReceiveOptions, publish: (snapshot: MemorySnapshot) => Promise<void>) {
    this.meta = options.meta;
    this.#source = options.source;
    this.#publish = publish;
  }

  get received(): number {
    return this.#received;
  }

  continues({ meta, source }: ReceiveOptions): boolean {
    const same = source === this.#source && meta.index === this.meta.index && meta.term === this.meta.term;
    return same && !this.#ended && Buffer.compare(meta.membership, this.meta.membership) === 0;
  }

  async append(offset: number, bytes: Uint8Array): Promise<boolean> {
    this.#requireOpen();
    if (offset !== this.#received) return false;
    this.#parts.push(bytes.slice());
    this.#received += bytes.length;
    return true;
  }

  async commit(): Promise<void> {
    this.#requireOpen();
    this.#ended = true;
    await this.#publish({ meta: this.meta, content: joined(this.#parts) });
  }

  async abort(): Promise<void> {
    this.#ended = true;
    this.#parts = [];
  }

  #requireOpen(): void {
    if (!this.#ended) return;
    throw new ClusterError("failed_precondition", "this snapshot transfer has ended; begin it again");
  }
}

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
