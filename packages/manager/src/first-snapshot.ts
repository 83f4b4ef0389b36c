import { sleep, type Clock, type Log, type NodeId } from "@murmur/base";
import { encodeMembership, membershipOf } from "@murmur/raft";
import { createStore, type Store } from "@murmur/store";
import { paced } from "./paced.ts";
import type { LogStorage } from "./ports.ts";
import { Replica } from "./replica.ts";
import { loadSnapshot } from "./snapshot-courier.ts";

/**
 * How far the log's numbering jumps where a log is begun anew from a state. What was lost had indexes, too, and they are
 * out there: as versions of objects, of endpoint tables, in clients. None of them is given a second time.
 */
const INDEX_GAP = 1_000_000_000;

/** Entries that are applied before other things have their turn. */
const ENTRIES_A_TURN = 200;

/** A replicated state, and the position in the log that it is of. */
export interface PositionedState {
  readonly index: number;
  readonly term: number;
  readonly store: Store;
}

/**
 * Reads everything that a stored log holds into a state: its snapshot, and all entries after it, also those that were
 * never known to be committed here. One of them may have been acknowledged by managers that are gone.
 */
export async function wholeState(
  storage: LogStorage,
  options: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<PositionedState> {
  const { clock, log, signal } = options;
  const { snapshot, entries } = storage.recovered;
  const store = createStore();
  const replica = new Replica({ store, appliedIndex: 0, log });
  if (snapshot !== undefined) {
    const reader = await storage.openSnapshot();
    if (reader !== undefined) {
      await using stored = reader;
      await loadSnapshot(stored, replica);
    }
  }
  let term = snapshot?.term ?? 0;
  for (const [at, entry] of entries.entries()) {
    if (entry.index <= replica.applied) continue;
    replica.apply(entry);
    term = entry.term;
    if (at % ENTRIES_A_TURN === 0) await sleep(clock, 0, signal);
  }
  return { index: replica.applied, term, store };
}

/**
 * Begins a log anew from a state, with one manager as its only voter. `storage` must be empty; open it again before it is
 * used. Nothing of the old membership, its terms or its votes goes into it.
 */
export async function writeFirstSnapshot(
  storage: LogStorage,
  state: PositionedState,
  options: { readonly voter: NodeId; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { voter, clock, signal } = options;
  const index = state.index + INDEX_GAP;
  const meta = { index, term: state.term, membership: encodeMembership(membershipOf([voter])) };
  await storage.saveSnapshot(meta, paced(state.store.snapshot(), clock, signal));
  await storage.write({ hardState: { term: state.term + 1, commit: index } });
}
