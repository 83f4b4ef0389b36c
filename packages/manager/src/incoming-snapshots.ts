import {
  ClusterError,
  messageOf,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Scope,
  type Timer,
} from "@murmur/base";
import { decodeMembership, type Message, type Raft } from "@murmur/raft";
import type { Restore } from "@murmur/store";
import type { LogStorage, SnapshotMeta, SnapshotReceiver } from "./ports.ts";
import type { Replica } from "./replica.ts";
import { isSnapshotChunk, type SnapshotChunk } from "./snapshot-chunk.ts";

/** How long an unfinished one is kept after its last chunk, with the part of the state that was read from it. */
const KEEP_MS: Millis = 60_000;

export interface IncomingOptions {
  readonly self: NodeId;
  readonly raft: Pick<Raft, "status">;
  readonly storage: LogStorage;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells the core of a snapshot that is complete and intact. */
  readonly step: (message: Message) => void;
}

interface Incoming {
  readonly meta: SnapshotMeta;
  /** Names the exact bytes: whose they are, and how many. */
  readonly source: string;
  readonly receiver: SnapshotReceiver;
  /** The state so far: each chunk is read as it comes, so that none of the work is left for the end. */
  readonly restore: Restore;
  expiry: Timer;
}

/**
 * Takes in one snapshot at a time, to the disk and, chunk by chunk, to a state beside the present one. Invariant: a
 * snapshot that does not fit its digest never becomes current.
 */
export class IncomingSnapshots {
  readonly #options: IncomingOptions;
  #incoming: Incoming | undefined;
  /** All bytes are here and the core was told; it has it installed, or has no use for it any more. */
  #complete: Incoming | undefined;
  /** Chunks are taken one after the other. */
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: IncomingOptions, scope: Scope) {
    this.#options = options;
    scope.defer(() => this.#incoming?.expiry.cancel());
  }

  /** Takes a chunk; the answer is how many bytes are here. Rejects when it is none, or of no use. */
  receive(from: NodeId, body: unknown): Promise<number> {
    if (!isSnapshotChunk(body))
      return Promise.reject(new ClusterError("invalid_argument", "raft.snapshot: malformed chunk"));
    return this.#inTurn(() => this.#takeChunk(from, body));
  }

  /** Makes the complete snapshot of this index the current one, on disk and in the replica. */
  async install(index: number): Promise<SnapshotMeta> {
    const { replica } = this.#options;
    const complete = this.#complete;
    if (complete?.meta.index !== index)
      throw new ClusterError("internal", `the snapshot at ${String(index)} is not here`);
    await complete.receiver.commit();
    this.#complete = undefined;
    const answer = complete.restore.finish();
    if (!answer.ok) throw new ClusterError("corrupt", `the received snapshot cannot be read: ${answer.message}`);
    replica.installed(index);
    return complete.meta;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#taking.then(work);
    this.#taking = result.catch(() => {});
    return result;
  }

  /** Returns how many bytes are here; all of them also when there is nothing to gain: the core says where it stands. */
  async #takeChunk(from: NodeId, chunk: SnapshotChunk): Promise<number> {
    const { raft, replica } = this.#options;
    const { meta, size } = chunk;
    if (chunk.leaderTerm < raft.status().term)
      throw new ClusterError("out_of_date", "the sender is no longer the leader");
    if (this.#complete !== undefined && this.#complete.meta.index <= replica.applied) {
      // The log had caught up before it was complete.
      await this.#complete.receiver.abort();
      this.#complete = undefined;
    }
    if (meta.index <= replica.applied || this.#complete !== undefined) {
      if (this.#complete === undefined) await this.#drop();
      return size;
    }
    const incoming = await this.#receiving(meta, `${from} ${String(size)}`);
    try {
      await this.#takeIn(incoming, chunk);
    } catch (error) {
      await this.#drop();
      throw error;
    }
    const { received } = incoming.receiver;
    if (received >= size) this.#completed(incoming, from, chunk);
    return received;
  }

  async #takeIn({ receiver, restore }: Incoming, { offset, bytes, size }: SnapshotChunk): Promise<void> {
    if (!(await receiver.append(offset, bytes))) return;
    const answer = restore.push(bytes);
    if (!answer.ok) throw new ClusterError("corrupt", answer.message);
    if (receiver.received >= size && !restore.ended) throw new ClusterError("corrupt", "the snapshot is cut short");
  }

  #completed(incoming: Incoming, from: NodeId, { meta, leaderTerm }: SnapshotChunk): void {
    const { step, self } = this.#options;
    incoming.expiry.cancel();
    this.#incoming = undefined;
    this.#complete = incoming;
    const snapshot = { index: meta.index, term: meta.term, membership: decodeMembership(meta.membership) };
    step({ kind: "snapshot", from, to: self, term: leaderTerm, snapshot });
  }

  /** The transfer that a chunk belongs to: the present one, or a new one in its place. */
  async #receiving(meta: SnapshotMeta, source: string): Promise<Incoming> {
    const { storage, replica } = this.#options;
    const present = this.#incoming;
    if (present?.meta.index === meta.index && present.source === source) {
      present.expiry.cancel();
      present.expiry = this.#expireLater(present);
      return present;
    }
    await this.#drop();
    const receiver = await storage.receiveSnapshot({ meta, source });
    const incoming: Incoming = { meta, source, receiver, restore: replica.store.restore(), expiry: { cancel() {} } };
    incoming.expiry = this.#expireLater(incoming);
    this.#incoming = incoming;
    return incoming;
  }

  #expireLater(incoming: Incoming): Timer {
    return this.#options.clock.setTimer(KEEP_MS, () => {
      void this.#inTurn(async () => {
        if (this.#incoming === incoming) await this.#drop();
      }).catch((error: unknown) => this.#options.log.warn("could not drop a snapshot", { error: messageOf(error) }));
    });
  }

  /** Forgets an unfinished one, on the disk too: state and bytes go on together or not at all. */
  async #drop(): Promise<void> {
    const incoming = this.#incoming;
    this.#incoming = undefined;
    incoming?.expiry.cancel();
    await incoming?.receiver.abort();
  }
}
