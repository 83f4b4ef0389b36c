import type { NodeId } from "@murmur/base";
import type { Position } from "@murmur/raft";
import { CommitBook } from "./commit-book.ts";
import { EntryBook } from "./entry-book.ts";
import type { LogMirror } from "./log-mirror.ts";

/** What all hosts together have shown of one generation's Raft; generations have nothing to do with each other. */
export class RaftHistory {
  readonly entries = new EntryBook();
  readonly commits = new CommitBook();
  /** Who led, by term. */
  readonly leaders = new Map<number, { readonly id: NodeId; readonly host: string }>();
  /** Where each request is committed, by its entry's bytes, which have the request's id in them. */
  readonly requests = new Map<string, number>();
  /** The log of each node that has spoken. That of a node whose disk was wiped stays as it was. */
  readonly logs = new Map<NodeId, LogMirror>();

  /** How far the logs of candidates reached when they asked for votes, by candidate and term. */
  readonly #asked = new Map<string, Position>();

  /** A pre-vote of a term is asked for more than once: the longest log counts. */
  noteAsked(candidate: NodeId, term: number, last: Position): void {
    const known = this.asked(candidate, term);
    if (known === undefined || isBefore(known, last)) this.#asked.set(`${candidate} ${String(term)}`, last);
  }

  asked(candidate: NodeId, term: number): Position | undefined {
    return this.#asked.get(`${candidate} ${String(term)}`);
  }

  bind(log: LogMirror, owner: NodeId): void {
    if (log.owner === owner) return;
    log.owner = owner;
    this.logs.set(owner, log);
  }
}

/** Whether a log that ends at the first is behind one that ends at the second (Raft, 5.4.1). */
export const isBefore = (first: Position, second: Position): boolean =>
  first.term < second.term || (first.term === second.term && first.index < second.index);
