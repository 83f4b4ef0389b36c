import { assert, type NodeId } from "@murmur/base";
import type { Entry, Index, Message, Position, Status, Term } from "../index.ts";

/** What a checker sees of a node after each step. */
export interface Observed {
  readonly status: Status;
  /** The log in memory, as its Readys gave it, and the position before its first entry. */
  readonly log: ReadonlyMap<Index, Entry>;
  readonly boundary: Position;
}

/** Checks Raft's promises over all that has happened (Raft thesis, figure 3.2), and the reads'. */
export class Checker {
  readonly #leaders = new Map<Term, NodeId>();
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<Index, Term>();
  readonly #applied = new Map<Index, string>();
  readonly #votes = new Map<string, NodeId>();
  readonly #before = new Map<NodeId, { term: Term; commit: Index; role: string }>();
  #maxCommit: Index = 0;

  get maxCommit(): Index {
    return this.#maxCommit;
  }

  /** After each step of a node. */
  observe({ status, log, boundary }: Observed): void {
    const before = this.#before.get(status.id);
    const newLeader = status.role === "leader" && (before?.role !== "leader" || before.term !== status.term);
    assert(before === undefined || status.term >= before.term, "terms never fall");
    assert(before === undefined || status.commit >= before.commit, "the commit index never falls");
    if (newLeader) this.#elected(status, log, boundary);
    for (let index = (before?.commit ?? 0) + 1; index <= status.commit; index += 1) {
      const term = log.get(index)?.term ?? (index === boundary.index ? boundary.term : undefined);
      if (term === undefined) continue;
      const known = this.#committed.get(index);
      assert(known === undefined || known === term, `two terms committed at ${index}: ${known}, ${term}`);
      this.#committed.set(index, term);
    }
    this.#maxCommit = Math.max(this.#maxCommit, status.commit);
    this.#before.set(status.id, { term: status.term, commit: status.commit, role: status.role });
  }

  #elected(status: Status, log: Observed["log"], boundary: Position): void {
    const other = this.#leaders.get(status.term);
    assert(other === undefined || other === status.id, `two leaders in term ${status.term}: ${other}, ${status.id}`);
    this.#leaders.set(status.term, status.id);
    for (const [index, term] of this.#committed) {
      if (index <= boundary.index) continue;
      assert(
        log.get(index)?.term === term,
        `leader ${status.id} of term ${status.term} lacks committed ${index}/${term}`,
      );
    }
  }

  /** A node restarted: what was not durable may have gone, the commit index with it. */
  restarted(id: NodeId, term: Term): void {
    this.#before.set(id, { term, commit: 0, role: "follower" });
  }

  /** An entry was put into some log, behind one of `previous` term. Equal positions mean equal prefixes. */
  appended(entry: Entry, previous: Term): void {
    const key = `${entry.index}/${entry.term}`;
    const text = `${previous} ${entry.kind} ${entry.data.join()}`;
    const known = this.#entries.get(key);
    assert(known === undefined || known === text, `logs differ at ${key}: ${known} and ${text}`);
    this.#entries.set(key, text);
  }

  applied(entry: Entry): void {
    const text = `${entry.term} ${entry.kind} ${entry.data.join()}`;
    const known = this.#applied.get(entry.index);
    assert(known === undefined || known === text, `two things applied at ${entry.index}: ${known} and ${text}`);
    this.#applied.set(entry.index, text);
  }

  /** A message leaves its sender, whose durable state is given. */
  sent(message: Message, durable: { term: Term; vote: NodeId | undefined; lastIndex: Index }): void {
    if (message.kind === "voteReply" && message.granted) {
      assert(durable.term >= message.term, "a vote leaves only when it is durable");
      const key = `${message.from}/${message.term}`;
      const known = this.#votes.get(key);
      assert(known === undefined || known === message.to, `two votes by ${key}`);
      this.#votes.set(key, message.to);
    }
    if (message.kind === "vote") assert(durable.term >= message.term, "a candidate's term is durable");
    if (message.kind === "appendAccepted" && durable.term === message.term) {
      assert(durable.lastIndex >= message.match, "what is acknowledged is durable");
    }
  }

  /** A read was answered that had been asked for when `committed` was the highest commit index of all nodes. */
  read(index: Index, committed: Index): void {
    assert(index >= committed, `a read at ${index} misses what was committed at ${committed}`);
  }
}
