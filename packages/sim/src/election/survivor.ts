import type { NodeId, Random } from "@murmur/base";
import { Raft, type Entry, type Index, type Membership, type Message } from "@murmur/raft";
import type { ElectionConditions } from "./conditions.ts";
import { Disk } from "./disk.ts";

/** The lost leader's term. */
const TERM = 1;

export interface SurvivorOptions {
  readonly id: NodeId;
  readonly membership: Membership;
  /** Where its log ends; all entries are the lost leader's. */
  readonly lastIndex: Index;
  readonly conditions: ElectionConditions;
  readonly random: Random;
}

/** A server that outlives its leader: the real core, a disk, and a ticker that doesn't beat in step with the others'. */
export class Survivor {
  readonly id: NodeId;
  readonly #raft: Raft;
  readonly #disk: Disk;
  readonly #tickMs: number;
  #nextTickAtMs: number;
  #sent: Message[] = [];

  constructor({ id, membership, lastIndex, conditions, random }: SurvivorOptions) {
    this.id = id;
    this.#disk = new Disk({ owner: id, term: TERM, hardware: conditions.hardware, random });
    this.#tickMs = conditions.tickMs;
    this.#nextTickAtMs = random.next() * conditions.tickMs;
    this.#raft = new Raft({
      id,
      membership,
      hardState: { term: TERM, vote: undefined, commit: 0 },
      snapshot: { index: 0, term: 0 },
      entries: Array.from({ length: lastIndex }, (_, at) => entryAt(at + 1)),
      appliedIndex: 0,
      random,
      config: conditions.config,
    });
  }

  /** When something happens next here without a message: a tick, or the end of a write. */
  get nextAtMs(): number {
    return Math.min(this.#nextTickAtMs, this.#disk.doneAtMs);
  }

  /** Lets that happen. */
  advance(): void {
    const nowMs = this.nextAtMs;
    if (this.#disk.doneAtMs === nowMs) {
      for (const { number, messagesAfterSync } of this.#disk.finish()) {
        this.#raft.persisted(number);
        this.#sent.push(...messagesAfterSync);
      }
    } else {
      this.#nextTickAtMs += this.#tickMs;
      this.#raft.tick();
    }
    this.#settle(nowMs);
  }

  receive(message: Message, nowMs: number): void {
    this.#raft.step(message);
    this.#settle(nowMs);
  }

  /** Its connection to the leader has broken. */
  noticeBrokenConnection(nowMs: number): void {
    this.#raft.hintLeaderUnreachable();
    this.#settle(nowMs);
  }

  /** The messages that left since the last call. */
  takeSent(): readonly Message[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  #settle(nowMs: number): void {
    for (let ready = this.#raft.ready(); ready !== undefined; ready = this.#raft.ready()) {
      this.#disk.write(ready, nowMs);
      this.#sent.push(...ready.messages);
      const applied = ready.committed.at(-1);
      if (applied !== undefined) this.#raft.applied(applied.index);
    }
  }
}

const entryAt = (index: Index): Entry => ({ index, term: TERM, kind: "normal", data: new Uint8Array() });
