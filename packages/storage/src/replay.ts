import type { BatchHeader } from "./batch-codec.ts";
import type { Damage, HardState, SnapshotMeta, StoredEntry } from "./log-storage.ts";
import type { ScannedBatch } from "./segment.ts";

/** What the log's files say, before the snapshot is taken into account. */
export interface ReplayedLog {
  readonly hardState: HardState;
  readonly compacted: number;
  readonly last: number;
  /** Entries up to this index were lost and not yet written again; zero when none. */
  readonly lost: number;
  /** Holes are entries that were damaged. */
  readonly entries: ReadonlyMap<number, StoredEntry>;
  /** The sequence of the next batch. */
  readonly nextSequence: number;
  /** False when batches are missing or damaged, also when no entry was lost with them: the log should be written anew. */
  readonly intact: boolean;
}

interface State {
  header: BatchHeader;
  intact: boolean;
  readonly entries: Map<number, StoredEntry>;
  /** No entry has a higher index. */
  top: number;
}

const EMPTY_HEADER: BatchHeader = {
  sequence: 0,
  term: 0,
  commit: 0,
  compacted: 0,
  last: 0,
  lost: 0,
  entries: 0,
  bodyBytes: 0,
};

/**
 * Folds batches, oldest first, into the log that they describe. `acknowledged` is the newest header that is known to have
 * been made durable.
 *
 * A bad batch at the very end is a write that was cut off, and dropped in silence, unless it was acknowledged. A bad or
 * missing batch with others after it was durable, since a batch is written only after the one before it was synced; it is
 * damage. (The distinction is that of Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage, FAST 2018.)
 */
export function replay(scanned: readonly ScannedBatch[], acknowledged: BatchHeader | undefined): ReplayedLog {
  const state: State = { header: EMPTY_HEADER, intact: true, entries: new Map(), top: 0 };
  for (const [at, batch] of scanned.entries()) {
    if (!batch.complete && wasCutOff(batch, scanned[at + 1], acknowledged)) continue;
    apply(state, batch, at === 0);
  }
  if (acknowledged !== undefined && acknowledged.sequence > state.header.sequence)
    apply(state, { header: acknowledged, entries: [], complete: false }, false);
  const { header, entries, intact } = state;
  return {
    intact,
    hardState: hardStateOf(header),
    compacted: header.compacted,
    last: header.last,
    lost: header.lost,
    entries,
    nextSequence: header.sequence + 1,
  };
}

function wasCutOff(
  batch: ScannedBatch,
  next: ScannedBatch | undefined,
  acknowledged: BatchHeader | undefined,
): boolean {
  const { sequence } = batch.header;
  // After a cut-off write the next start continues with the same sequence.
  if (next !== undefined) return next.header.sequence === sequence;
  return sequence > (acknowledged?.sequence ?? 0);
}

function apply(state: State, batch: ScannedBatch, first: boolean): void {
  const { header, entries } = batch;
  if (header.sequence <= state.header.sequence) return;
  // What lies before the first batch was compacted; any other jump means that batches are missing. They cannot have
  // touched committed entries, but may have replaced any later one.
  const missing = !first && header.sequence > state.header.sequence + 1;
  if (missing) dropAfter(state, state.header.commit);
  if (missing || !batch.complete) state.intact = false;
  if (header.entries > 0) dropAfter(state, header.last - header.entries);
  for (const entry of entries) state.entries.set(entry.index, entry);
  state.top = Math.max(state.top, entries.at(-1)?.index ?? 0);
  dropAfter(state, header.last);
  dropThrough(state, header.compacted);
  state.header = header;
}

function dropAfter(state: State, last: number): void {
  for (; state.top > last; state.top -= 1) state.entries.delete(state.top);
}

/** Entries up to the header's `compacted` are gone already. */
function dropThrough(state: State, through: number): void {
  const end = Math.min(through, state.top);
  for (let index = state.header.compacted + 1; index <= end; index += 1) state.entries.delete(index);
}

function hardStateOf(header: BatchHeader): HardState {
  const { term, commit, votedFor } = header;
  return votedFor === undefined ? { term, commit } : { term, commit, votedFor };
}

/** A log that fits its snapshot. */
export interface FittedLog {
  readonly compacted: number;
  readonly entries: readonly StoredEntry[];
  readonly damage?: Damage;
}

/**
 * Brings log and snapshot together: the entries that connect to the snapshot without a hole. Where the log does not hold
 * the snapshot's last entry with its term, the snapshot replaces the log (Raft, section 7).
 */
export function fitToSnapshot(log: ReplayedLog, snapshot: SnapshotMeta | undefined, reason: string): FittedLog {
  const base = snapshot?.index ?? 0;
  let { compacted } = log;
  if (!connects(log, snapshot)) {
    const hole = log.compacted > base || (log.last > base && !log.entries.has(base) && log.compacted < base);
    const lastIndex = hole ? Math.max(log.last, log.lost) : log.lost;
    return { compacted: base, entries: [], ...damageOf(base, lastIndex, reason) };
  }
  // Entries before the snapshot are a courtesy to slow followers: with a hole among them they are not worth keeping.
  for (let index = compacted + 1; index <= base; index += 1) if (!log.entries.has(index)) compacted = base;
  const entries: StoredEntry[] = [];
  for (let index = compacted + 1; index <= log.last; index += 1) {
    const entry = log.entries.get(index);
    if (entry === undefined) break;
    entries.push(entry);
  }
  const end = compacted + entries.length;
  const lastIndex = end < log.last ? Math.max(log.last, log.lost) : log.lost;
  return { compacted, entries, ...damageOf(end, lastIndex, reason) };
}

function connects(log: ReplayedLog, snapshot: SnapshotMeta | undefined): boolean {
  const base = snapshot?.index ?? 0;
  return log.compacted === base || (log.compacted < base && log.entries.get(base)?.term === snapshot?.term);
}

function damageOf(end: number, lastIndex: number, reason: string): { damage?: Damage } {
  return lastIndex > end ? { damage: { fromIndex: end + 1, lastIndex, reason } } : {};
}
