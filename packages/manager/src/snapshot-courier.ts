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
  readonly raft: Raft;
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

/**
 * Carries snapshots between managers in chunks: the receiver says where it stands, the sender goes on from there, so a
 * broken transfer resumes. The bytes go straight from disk to disk; the core only hears of complete ones.
 */
export class SnapshotCourier {
  readonly #options: CourierOptions;
  readonly #scope: Scope;
  readonly #delivering = new Set<NodeId>();
  #incoming: { readonly meta: SnapshotMeta; readonly source: string; readonly receiver: SnapshotReceiver } | undefined;
  #complete: SnapshotReceiver | undefined;
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
    const snapshot = await storage.openSnapshot();
    if (snapshot === undefined) throw new ClusterError("internal", "there is no stored snapshot to send");
    await using reader = snapshot;
    const { meta, size } = reader;
    log.info("sending a snapshot", { to: peer, index: meta.index, bytes: size });
    for (let offset = 0; ;) {
      signal.throwIfAborted();
      const bytes = await reader.read(offset, CHUNK_BYTES);
      const leaderTerm = raft.status().term;
      const received = await this.#sendChunk(peer, { meta, leaderTerm, size, offset, bytes }, signal);
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
    if (!isChunk(body)) return Promise.reject(new ClusterError("invalid_argument", "raft.snapshot: malformed chunk"));
    const result = this.#taking.then(() => this.#takeChunk(from, body));
    this.#taking = result.catch(() => {});
    return result;
  }

  async #takeChunk(from: NodeId, chunk: Chunk): Promise<number> {
    const { raft, replica, storage, self } = this.#options;
    const { meta, size, offset, bytes } = chunk;
    if (chunk.leaderTerm < raft.status().term)
      throw new ClusterError("out_of_date", "the sender is no longer the leader");
    // Nothing to gain: what it holds is here already. The core answers with where it stands.
    if (meta.index <= replica.applied || this.#complete !== undefined) return size;
    const source = `${from} ${String(size)}`;
    if (this.#incoming?.meta.index !== meta.index || this.#incoming.source !== source) {
      const receiver = await storage.receiveSnapshot({ meta, source });
      this.#incoming = { meta, source, receiver };
    }
    const { receiver } = this.#incoming;
    await receiver.append(offset, bytes);
    if (receiver.received < size) return receiver.received;
    this.#incoming = undefined;
    this.#complete = receiver;
    const snapshot = { index: meta.index, term: meta.term, membership: decodeMembership(meta.membership) };
    this.#options.step({ kind: "snapshot", from, to: self, term: chunk.leaderTerm, snapshot });
    return size;
  }

  /** Makes the received snapshot the current one, on disk and in the replica. */
  async install(): Promise<SnapshotMeta> {
    const { storage, replica, log } = this.#options;
    const receiver = this.#complete;
    if (receiver === undefined) throw new ClusterError("internal", "no snapshot has been received");
    await receiver.commit();
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
