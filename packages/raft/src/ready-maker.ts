import type { Core } from "./core.ts";
import type { Membership } from "./membership.ts";
import type { Leadership, Ready } from "./ready.ts";
import type { HardState } from "./types.ts";

/** Turns what has gathered in a core into Readys, each thing once. */
export class ReadyMaker {
  readonly #core: Core;
  /** What the driver was told last. */
  #hardState: HardState;
  #leadership: Leadership;
  #membership: Membership;

  constructor(core: Core, stored: HardState) {
    this.#core = core;
    this.#hardState = stored;
    this.#leadership = { role: "follower", term: core.term, leader: undefined };
    this.#membership = core.membership;
  }

  /** The next Ready, or undefined when nothing has to be done. */
  take(): Ready | undefined {
    if (!this.#somethingToDo()) return undefined;
    const core = this.#core;
    const hardState = this.#changedHardState();
    const entries = core.log.between(core.writes.handed, core.log.lastIndex);
    const promised = hardState !== undefined && this.#isPromise(hardState);
    if (hardState !== undefined) this.#hardState = hardState;
    const { snapshot, messages, messagesAfterSync, servedReads, refusedReads, snapshotsWanted } = core;
    core.snapshot = undefined;
    core.messages = [];
    core.messagesAfterSync = [];
    core.servedReads = [];
    core.refusedReads = [];
    core.snapshotsWanted = [];
    return {
      number: core.writes.begin(core.log.lastIndex, core.hardState),
      hardState,
      entries,
      snapshot,
      mustSync: promised || entries.length > 0 || snapshot !== undefined,
      messages,
      messagesAfterSync,
      committed: core.log.takeCommitted(core.writes.stable, core.config.maxApplyingBytes),
      reads: servedReads,
      refusedReads,
      snapshotsWanted,
      leadership: this.#takeLeadership(),
      membership: this.#takeMembership(),
    };
  }

  #somethingToDo(): boolean {
    const core = this.#core;
    return (
      core.messages.length > 0 ||
      core.messagesAfterSync.length > 0 ||
      core.writes.handed < core.log.lastIndex ||
      core.snapshot !== undefined ||
      core.log.canGive(core.writes.stable, core.config.maxApplyingBytes) ||
      core.servedReads.length > 0 ||
      core.refusedReads.length > 0 ||
      core.snapshotsWanted.length > 0 ||
      core.membership !== this.#membership ||
      this.#changedHardState() !== undefined ||
      this.#leadershipChanged()
    );
  }

  #changedHardState(): HardState | undefined {
    const now = this.#core.hardState;
    return this.#isPromise(now) || now.commit !== this.#hardState.commit ? now : undefined;
  }

  /** Term and vote are promises; the commit index is knowledge that can be had again. */
  #isPromise(now: HardState): boolean {
    return now.term !== this.#hardState.term || now.vote !== this.#hardState.vote;
  }

  #leadershipChanged(): boolean {
    const { term, leader, state } = this.#core;
    const told = this.#leadership;
    return state.role !== told.role || term !== told.term || leader !== told.leader;
  }

  #takeLeadership(): Leadership | undefined {
    if (!this.#leadershipChanged()) return undefined;
    const { term, leader, state } = this.#core;
    this.#leadership = { role: state.role, term, leader };
    return this.#leadership;
  }

  #takeMembership(): Membership | undefined {
    if (this.#core.membership === this.#membership) return undefined;
    this.#membership = this.#core.membership;
    return this.#membership;
  }
}
