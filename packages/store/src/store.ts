import { assert } from "@murmur/base";
import { validateCommand, type Command, type Index } from "@murmur/model";
import { decide } from "./decide.ts";
import { remove } from "./decision.ts";
import { StateFork, type Fork } from "./fork.ts";
import { SnapshotReader, type Restore } from "./restore.ts";
import { refused, type ApplyResult } from "./result.ts";
import { copyOf, digestOf, encode } from "./snapshot.ts";
import { State } from "./state.ts";
import type { View } from "./view.ts";
import { Watches, type Watch, type WatchOptions } from "./watch.ts";

/** The replicated state machine: the same commands in the same order give the same state on every manager. */
export interface Store {
  /**
   * Applies one command of the raft entry at `index`; the commands of one entry are applied in order with the same
   * index. Total, synchronous and deterministic: whatever the command, it refuses, it never throws. Invariant (the
   * caller's): `index` never goes back.
   */
  apply(index: Index, command: Command): ApplyResult;
  /** Shows the state as it is now, also after a restore. */
  readonly view: View;
  /** Starts a feed of the changes from now on. Seed from `view` right after it, before anything else is applied. */
  watch(options: WatchOptions): Watch;
  /**
   * The state of this moment, as chunks of at most 8 KiB. Taking it copies references only; each step of the
   * iterator encodes one chunk, so the encoding can be spread over time while commands are applied. A chunk is valid
   * until the next is asked for: its buffer is used again.
   */
  snapshot(): Iterable<Uint8Array>;
  /**
   * Begins a store of its own with the state of this moment, to try out what would become of it. Asking for it copies
   * references only; the rest is done slice by slice. What happens to one store is not seen in the other.
   */
  fork(): Fork<Store>;
  /** Begins to read a snapshot. The state is replaced, all at once, by a `finish` that succeeds. */
  restore(): Restore;
  /** A digest of the whole state, for comparing replicas; O(n), not cryptographic. */
  hash(): string;
}

export const createStore = (): Store => storeOf(new State());

function storeOf(state: State): Store {
  const watches = new Watches();
  return {
    view: state,
    apply: (index, command) => {
      assert(Number.isSafeInteger(index) && index >= state.version, "the log went back");
      const problems = validateCommand(command);
      if (problems.length > 0) return refused("invalid_argument", problems.slice(0, 5).join("; "));
      const decision = decide({ state, index, now: command.now }, command);
      if (!decision.ok) return decision;
      const changes = state.write(index, decision.writes);
      // A network that was removed goes with the last task that was in it, whatever made that end.
      for (const id of state.leftNetworks) changes.push(...state.write(index, [remove("networks", id)]));
      watches.publish(index, changes);
      const { id } = decision;
      return id === undefined ? { ok: true, version: index } : { ok: true, id, version: index };
    },
    watch: (options) => watches.open(options),
    snapshot: () => encode(copyOf(state)),
    fork: () => new StateFork(copyOf(state), storeOf),
    restore: () =>
      new SnapshotReader((restored) => {
        state.become(restored);
        watches.resync();
      }),
    hash: () => digestOf(copyOf(state)),
  };
}
