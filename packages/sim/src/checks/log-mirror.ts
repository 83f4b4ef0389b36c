import type { NodeId } from "@murmur/base";
import type { Membership, Position } from "@murmur/raft";
import type { HardState, Recovered, StoredEntry, WriteBatch } from "@murmur/storage";
import { TermLog } from "./term-log.ts";

/** What a host's log of one generation holds, as it was seen: what was handed to the disk, and what of it is durable. */
export class LogMirror {
  readonly generation: number;
  /** Whose log it is; known once the node has spoken. */
  owner: NodeId | undefined;
  written = TermLog.empty();
  durable = TermLog.empty();
  /** The last hard states. */
  writtenState: HardState = { term: 0, commit: 0 };
  durableState: HardState = { term: 0, commit: 0 };
  /** Whom the node has durably voted for, by term, over all its lives. */
  readonly votes = new Map<number, string>();
  /** The disk lost entries on purpose: up to here the node may have acknowledged what it has no more. */
  lostUpTo = 0;
  /** What was durable when the log began anew because its node was out of the managers: a late leader may count it. */
  readonly #former: TermLog[] = [];
  /** What a later leader's entries took the place of, and the term that the node was in then. */
  readonly #overwritten: { readonly log: TermLog; readonly until: number }[] = [];
  /** The last committed entry that the node held when its log was lost or began anew: who lacks it never has its vote. */
  promised: Position | undefined;
  /** The highest commit index that the node's process was seen with, and the membership that it works with. */
  commit = 0;
  inForce: Membership | undefined;
  /** The term that was durable when the process opened the log. */
  openTerm = 0;
  /** Where the log has memberships, in order; behind the base only those that were seen. */
  #memberships: { readonly index: number; readonly term: number }[] = [];

  constructor(generation: number) {
    this.generation = generation;
  }

  /** What a process found when it opened the log is what is durable. */
  open(recovered: Recovered): void {
    const { entries, snapshot, hardState, damage } = recovered;
    const base = (entries[0]?.index ?? (snapshot?.index ?? 0) + 1) - 1;
    const baseTerm = base === snapshot?.index ? snapshot.term : base === 0 ? 0 : undefined;
    const terms = entries.map(({ term }) => term);
    this.durable = new TermLog(base, baseTerm, terms);
    this.written = this.durable.clone();
    this.durableState = hardState;
    this.writtenState = hardState;
    this.openTerm = hardState.term;
    this.commit = 0;
    this.inForce = undefined;
    this.#memberships = membershipsIn(entries);
    this.lostUpTo = Math.max(this.lostUpTo, damage?.lastIndex ?? 0);
  }

  wrote({ entries = [], hardState }: WriteBatch): void {
    this.written.write(entries);
    const [first] = entries;
    if (first !== undefined) this.#memberships = this.#memberships.filter(({ index }) => index < first.index);
    this.#memberships.push(...membershipsIn(entries));
    this.writtenState = hardState ?? this.writtenState;
  }

  becameDurable({ entries = [], hardState }: WriteBatch): void {
    const [first] = entries;
    const { term } = hardState ?? this.durableState;
    if (first !== undefined && first.index <= this.durable.last && !this.durable.has(first)) {
      this.#overwritten.push({ log: this.durable.clone(), until: term });
    }
    this.durable.write(entries);
    this.durableState = hardState ?? this.durableState;
  }

  installed(position: { readonly index: number; readonly term: number }): void {
    this.written.install(position);
    this.durable.install(position);
  }

  /** The log is empty again; term and vote stay. What a manager had acknowledged it still answers for, unless it was out. */
  reset(wasOut: boolean): void {
    if (wasOut) this.#former.push(this.durable);
    this.written = TermLog.empty();
    this.durable = TermLog.empty();
    this.durableState = { ...this.durableState, commit: 0 };
    this.writtenState = { ...this.writtenState, commit: 0 };
    this.commit = 0;
    this.inForce = undefined;
    this.#memberships = [];
  }

  /** The last membership in the log before an index. */
  membershipBefore(index: number): { readonly index: number; readonly term: number } | undefined {
    return this.#memberships.findLast((known) => known.index < index);
  }

  /** Whether the node durably holds an entry, or did until its disk was damaged on purpose or it was taken out. */
  holds(position: { readonly index: number; readonly term: number }): boolean {
    if (position.index <= this.lostUpTo || this.durable.covers(position)) return true;
    return this.#former.some((log) => log.covers(position));
  }

  /** Whether a leader of this term, that may not know of a later one, may rightly take the node to hold an entry. */
  heldFor(leaderTerm: number, position: { readonly index: number; readonly term: number }): boolean {
    if (this.holds(position)) return true;
    return this.#overwritten.some(({ log, until }) => until > leaderTerm && log.covers(position));
  }
}

const membershipsIn = (entries: readonly StoredEntry[]): { readonly index: number; readonly term: number }[] =>
  entries.filter(({ kind }) => kind === "membership").map(({ index, term }) => ({ index, term }));
