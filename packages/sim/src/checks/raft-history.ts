import type { NodeId } from "@murmur/base";
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

  bind(log: LogMirror, owner: NodeId): void {
    if (log.owner === owner) return;
    log.owner = owner;
    this.logs.set(owner, log);
  }
}
