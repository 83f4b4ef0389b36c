import { ClusterError, codeOf, messageOf, type Clock, type Log, type NodeId, type Scope } from "@murmur/base";
import { decodeMembership, type Message, type Raft } from "@murmur/raft";
import type { LogStorage, Peers, SnapshotMeta, SnapshotReceiver } from "./ports.ts";
import type { Replica } from "./replica.ts";

const CHUNK_BYTES = 256 * 1024;
const CHUNK_TIMEOUT_MS = 5_000;
/** Tries for one chunk before the transfer is given up; raft asks again later, and it resumes. */
const CHUNK_TRIES = 3;

export interface CourierOptions {
  readonly self: NodeId;
  readonly raft: Pick<Raft, "status" | "reportSnapshot">;
  readonly storage: LogStorage;
  readonly replica: Replica;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: (message: Message) => void;
}

/** One chunk on its way; the answer says how many bytes the receiver has. */
interface Chunk {
  readonly meta: SnapshotMeta;
  readonly leaderTerm: number;
  readonly size: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Incoming {
  readonly meta: SnapshotMeta;
  readonly source: string;
  readonly receiver: SnapshotReceiver;
}

/**
 * Carries snapshots between managers in chunks: the receiver says where it stands, the sender goes on from there, so a
 * broken transfer resumes. The bytes go straight from disk to disk; the core only hears of complete ones.
 */
export class SnapshotCourier {
  readonly #options: CourierOptions;
  readonly #scope: Scope;
  readonly #delivering = new Set<NodeId>();
  #incoming: Incoming | undefined;
  /** All bytes are here and the core was told; it has it installed, or has no use for it any more. */
  #complete: Incoming | undefined;
  /** Chunks are taken one after the other. */
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: CourierOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    scope.use(options.peers.handle("raft.snapshot", (from, body) => this.#receive(from, body)));
  }

  /** Sends the newest stored snapshot to a member; one transfer a member at a time. */
  deliver(peer: NodeId): void {
    if (this.#delivering.has(peer)) return;
    this.#delivering.add(peer);
    this.#scope.run("snapshot transfer", async (signal) => {
      let outcome: "finished" | "failed" = "failed";
      try {
        await this.#transfer(peer, signal);
        outcome = "finished";
      } catch (error) {
        this.#options.log.warn("snapshot transfer failed", { to: peer, error: messageOf(error) });
      } finally {
        this.#delivering.delete(peer);
        if (!signal.aborted) this.#options.raft.reportSnapshot(peer, outcome);
      }
    });
  }

  async #transfer(peer: NodeId, signal: AbortSignal): Promise<void> {
    const { storage, raft, log } = this.#options;
    const { term } = raft.status();
    const snapshot = await storage.openSnapshot();
    if (snapshot === undefined) throw new ClusterError("internal", "there is no stored snapshot to send");
    await using reader = snapshot;
    const { meta, size } = reader;
    log.info("sending a snapshot", { to: peer, index: meta.index, bytes: size });
    for (let offset = 0; ;) {
      signal.throwIfAborted();
      const bytes = await reader.read(offset, CHUNK_BYTES);
      // The term vouches for its leader: whoever leads no more must not speak for it, and not for a later one.
      const status = raft.status();
      if (status.role !== "leader" || status.term !== term)
        throw new ClusterError("out_of_date", "this manager leads no more");
      const received = await this.#sendChunk(peer, { meta, leaderTerm: term, size, offset, bytes }, signal);
      if (received >= size) return;
      offset = received;
    }
  }

  async #sendChunk(peer: NodeId, chunk: Chunk, signal: AbortSignal): Promise<number> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#options.peers.call(peer, "raft.snapshot", chunk, {
          signal,
          timeoutMs: CHUNK_TIMEOUT_MS,
        });
        if (typeof answer === "number") return answer;
        throw new ClusterError("internal", "raft.snapshot: malformed answer");
      } catch (error) {
        if (signal.aborted || tries >= CHUNK_TRIES || codeOf(error) === "out_of_date") throw error;
      }
    }
  }

  #receive(from: NodeId, body: unknown): Promise<number> {
    if (!isChunk(body) || body.size < 1)
      return Promise.reject(new ClusterError("invalid_argument", "raft.snapshot: malformed chunk"));
    const result = this.#taking.then(() => this.#takeChunk(from, body));
    this.#taking = result.catch(() => {});
    return result;
  }

  /** Returns how many bytes are here; all of them also when there is nothing to gain: the core says where it stands. */
  async #takeChunk(from: NodeId, chunk: Chunk): Promise<number> {
    const { raft, replica } = this.#options;
    const { meta, size, offset, bytes } = chunk;
    if (chunk.leaderTerm < raft.status().term)
      throw new ClusterError("out_of_date", "the sender is no longer the leader");
    if (this.#complete !== undefined && this.#complete.meta.index <= replica.applied) {
      // The log had caught up before it was complete.
      await this.#complete.receiver.abort();
      this.#complete = undefined;
    }
    if (meta.index <= replica.applied || this.#complete !== undefined) return size;
    const incoming = await this.#receiving(meta, `${from} ${String(size)}`);
    try {
      await incoming.receiver.append(offset, bytes);
    } catch (error) {
      this.#incoming = undefined;
      throw error;
    }
    if (incoming.receiver.received < size) return incoming.receiver.received;
    this.#incoming = undefined;
    this.#complete = incoming;
    const snapshot = { index: meta.index, term: meta.term, membership: decodeMembership(meta.membership) };
    const { step, self } = this.#options;
    step({ kind: "snapshot", from, to: self, term: chunk.leaderTerm, snapshot });
    return size;
  }

  async #receiving(meta: SnapshotMeta, source: string): Promise<Incoming> {
    if (this.#incoming?.meta.index === meta.index && this.#incoming.source === source) return this.#incoming;
    this.#incoming = undefined;
    const receiver = await this.#options.storage.receiveSnapshot({ meta, source });
    this.#incoming = { meta, source, receiver };
    return this.#incoming;
  }

  /** Makes the received snapshot of this index the current one, on disk and in the replica. */
  async install(index: number): Promise<SnapshotMeta> {
    const { storage, replica, log } = this.#options;
    const complete = this.#complete;
    if (complete?.meta.index !== index)
      throw new ClusterError("internal", `the snapshot at ${String(index)} is not here`);
    await complete.receiver.commit();
    this.#complete = undefined;
    const snapshot = await storage.openSnapshot();
    if (snapshot === undefined) throw new ClusterError("corrupt", "the received snapshot is gone");
    await using reader = snapshot;
    await loadSnapshot(reader, replica);
    log.info("snapshot installed", { index: reader.meta.index });
    return reader.meta;
  }
}

/** Reads a stored snapshot into the replica. Throws `corrupt` when it is no snapshot of this version. */
export async function loadSnapshot(
  reader: {
    readonly meta: SnapshotMeta;
    readonly size: number;
    read(offset: number, length: number): Promise<Uint8Array>;
  },
  replica: Replica,
): Promise<void> {
  const restore = replica.store.restore();
  for (let offset = 0; offset < reader.size;) {
    const bytes = await reader.read(offset, CHUNK_BYTES);
    const answer = restore.push(bytes);
    if (!answer.ok) throw new ClusterError("corrupt", `the stored snapshot cannot be read: ${answer.message}`);
    offset += bytes.byteLength;
  }
  const answer = restore.finish();
  if (!answer.ok) throw new ClusterError("corrupt", `the stored snapshot cannot be read: ${answer.message}`);
  replica.installed(reader.meta.index);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isChunk = (value: unknown): value is Chunk =>
  isObject(value) &&
  typeof value["size"] === "number" &&
  typeof value["offset"] === "number" &&
  typeof value["leaderTerm"] === "number" &&
  value["bytes"] instanceof Uint8Array &&
  isObject(value["meta"]) &&
  typeof value["meta"]["index"] === "number" &&
  typeof value["meta"]["term"] === "number" &&
  value["meta"]["membership"] instanceof Uint8Array;
