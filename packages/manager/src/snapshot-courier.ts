import { ClusterError, codeOf, messageOf, type Clock, type Log, type NodeId, type Scope } from "@murmur/base";
import type { Message, Raft } from "@murmur/raft";
import { IncomingSnapshots } from "./incoming-snapshots.ts";
import type { LogStorage, Peers, SnapshotMeta, SnapshotReader } from "./ports.ts";
import type { Replica } from "./replica.ts";
import { CHUNK_BYTES, type SnapshotChunk } from "./snapshot-chunk.ts";

/** Chunks on their way at once: with one only, a long way between two hosts would be what takes the time. */
const WINDOW_CHUNKS = 4;
const CHUNK_TIMEOUT_MS = 5_000;
/** Tries for one chunk, and windows without progress, before the transfer is given up; raft asks again, and it resumes. */
const TRIES = 3;
/** What the receiver says that no further try would change. */
const FINAL_CODES = ["out_of_date", "corrupt", "invalid_argument"];

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

/**
 * Carries snapshots between managers in chunks: the receiver says where it stands, the sender goes on from there, so a
 * broken transfer resumes. The core only hears of those that are complete and intact.
 */
export class SnapshotCourier {
  readonly #options: CourierOptions;
  readonly #scope: Scope;
  readonly #delivering = new Set<NodeId>();
  readonly #incoming: IncomingSnapshots;

  constructor(options: CourierOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#incoming = new IncomingSnapshots(options, scope);
    scope.use(options.peers.handle("raft.snapshot", (from, body) => this.#incoming.receive(from, body)));
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
    const way: Way = { peer, term, reader, signal };
    // A chunk without bytes is the cheapest question: its answer says where to begin.
    let offset = await this.#send(way, { offset: 0, bytes: new Uint8Array() });
    for (let tries = 1; offset < size;) {
      const received = await this.#sendWindow(way, offset);
      if (received <= offset && tries >= TRIES)
        throw new ClusterError("unavailable", "the receiver takes nothing more in");
      tries = received > offset ? 1 : tries + 1;
      offset = received;
    }
  }

  /** Sends a few chunks from `offset` on, all at once; returns how far the receiver has come. */
  async #sendWindow(way: Way, offset: number): Promise<number> {
    const sent: Promise<number>[] = [];
    const chunks: Pick<SnapshotChunk, "offset" | "bytes">[] = [];
    for (let at = offset; at < way.reader.size && chunks.length < WINDOW_CHUNKS; at += CHUNK_BYTES)
      chunks.push({ offset: at, bytes: await way.reader.read(at, CHUNK_BYTES) });
    for (const chunk of chunks) sent.push(this.#send(way, chunk));
    let received = 0;
    for (const answer of await Promise.allSettled(sent)) {
      if (answer.status === "rejected") throw answer.reason;
      received = Math.max(received, answer.value);
    }
    return received;
  }

  async #send(way: Way, part: Pick<SnapshotChunk, "offset" | "bytes">): Promise<number> {
    const { peer, reader, term, signal } = way;
    const { meta, size } = reader;
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      // The term vouches for its leader: whoever leads no more must not speak for it, and not for a later one.
      const status = this.#options.raft.status();
      if (status.role !== "leader" || status.term !== term)
        throw new ClusterError("out_of_date", "this manager leads no more");
      const chunk: SnapshotChunk = { meta, leaderTerm: term, size, ...part };
      const options = { signal, timeoutMs: CHUNK_TIMEOUT_MS };
      try {
        const answer = await this.#options.peers.call(peer, "raft.snapshot", chunk, options);
        if (isCount(answer)) return answer;
        throw new ClusterError("internal", "raft.snapshot: malformed answer");
      } catch (error) {
        if (signal.aborted || tries >= TRIES || FINAL_CODES.includes(codeOf(error))) throw error;
      }
    }
  }

  /** Makes the received snapshot of this index the current one, on disk and in the replica. */
  async install(index: number): Promise<SnapshotMeta> {
    const meta = await this.#incoming.install(index);
    this.#options.log.info("snapshot installed", { index: meta.index });
    return meta;
  }
}

/** One transfer: whom it goes to, what is sent, and the term in which the sender led when it began. */
interface Way {
  readonly peer: NodeId;
  readonly term: number;
  readonly reader: SnapshotReader;
  readonly signal: AbortSignal;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

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
