import { assert, type NodeId } from "@murmur/base";
import {
  decodeMembership,
  quorumValue,
  type Entry,
  type Index,
  type Membership,
  type Message,
  type Position,
  type Role,
  type Status,
  type Term,
} from "../index.ts";

/** What a checker sees of a node after each step. */
export interface Observed {
  readonly status: Status;
  /** The log in memory, as its Readys gave it, and the position before its first entry. */
  readonly log: ReadonlyMap<Index, Entry>;
  readonly boundary: Position;
  /** Whether an entry is durable on a node, or was, before its disk lost it. */
  readonly hadDurably: (id: NodeId, entry: Position) => boolean;
}

/** What is remembered of a node between two steps. */
interface Before {
  readonly term: Term;
  readonly commit: Index;
  readonly role: Role;
  readonly membership: Membership;
  /** Of a leader: how far each other member is, as far as it knew. */
  readonly matches: ReadonlyMap<NodeId, Index>;
}

/** Checks Raft's promises over all that has happened (Raft thesis, figure 3.2), and the reads'. */
export class Checker {
  readonly #leaders = new Map<Term, NodeId>();
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<Index, Term>();
  readonly #applied = new Map<Index, string>();
  readonly #votes = new Map<string, NodeId>();
  readonly #before = new Map<NodeId, Before>();
  readonly #damaged = new Set<NodeId>();
  #maxCommit: Index = 0;

  get maxCommit(): Index {
    return this.#maxCommit;
  }

  /** After each step of a node. */
  observe(observed: Observed): void {
    const { status, log, boundary } = observed;
    const before = this.#before.get(status.id);
    assert(before !== undefined, "a node is started before it does anything");
    assert(status.term >= before.term, "terms never fall");
    assert(status.commit >= before.commit, "the commit index never falls");
    if (status.role === "leader" && (before.role !== "leader" || before.term !== status.term)) {
      this.#elected(status, log, boundary);
    }
    this.#checkMatches(before, status);
    if (status.commit > this.#maxCommit) this.#checkNewCommit(before, observed);
    for (let index = before.commit + 1; index <= status.commit; index += 1) {
      const term = log.get(index)?.term ?? (index === boundary.index ? boundary.term : undefined);
      if (term === undefined) continue;
      const known = this.#committed.get(index);
      assert(known === undefined || known === term, `two terms committed at ${index}: ${known}, ${term}`);
      this.#committed.set(index, term);
    }
    this.#maxCommit = Math.max(this.#maxCommit, status.commit);
    this.#remember(status);
  }

  #remember({ id, term, commit, role, membership, peers }: Status): void {
    const matches = new Map(peers.map((peer) => [peer.id, peer.match]));
    this.#before.set(id, { term, commit, role, membership, matches });
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

  /** In a term what a leader knows of a follower only grows, unless the follower's disk has lost something. */
  #checkMatches(before: Before, status: Status): void {
    if (before.role !== "leader" || before.term !== status.term) return;
    for (const { id, match } of status.peers) {
      const known = before.matches.get(id) ?? 0;
      assert(match >= known || this.#damaged.has(id), `the match of ${id} fell from ${known} to ${match}`);
    }
  }

  /**
   * The first to commit anything is a leader: by an entry of its own term, which a quorum has on its disks. A membership
   * among what it commits may count for what follows, but need not: it comes into force only now.
   */
  #checkNewCommit(before: Before, { status, log, hadDurably }: Observed): void {
    const { id, term, commit } = status;
    assert(before.role === "leader" || status.role === "leader", `${id} commits ${commit} first, and does not lead`);
    const last = log.get(commit)?.term;
    assert(last === term, `leader ${id} of term ${term} commits ${commit}, of term ${last}, by counting`);
    const memberships = [before.membership];
    for (let index = before.commit + 1; index <= commit; index += 1) {
      const entry = log.get(index);
      assert(entry !== undefined, "a leader has in its log what it commits");
      const isHeld = memberships.some((one) => quorumValue(one, (voter) => (hadDurably(voter, entry) ? 1 : 0)) >= 1);
      assert(isHeld || index <= this.#maxCommit, `no quorum has ${index}/${entry.term}, which ${id} commits`);
      if (entry.kind === "membership") memberships.push(decodeMembership(entry.data));
    }
  }

  /** A node was started: what was not durable may have gone, the commit index with it. */
  restarted(status: Status): void {
    this.#remember(status);
  }

  /** A node's disk has lost entries that were durable. */
  damaged(id: NodeId): void {
    this.#damaged.add(id);
  }

  /** An entry was put into some log, behind one of `previous` term. Equal positions mean equal prefixes. */
  appended(entry: Entry, previous: Term): void {
    const key = `${entry.index}/${entry.term}`;
    const text = `${previous} ${entry.kind} ${entry.data.join()}`;
    const known = this.#entries.get(key);
    assert(known === undefined || known === text, `logs differ at ${key}: ${known} and ${text}`);
    this.#entries.set(key, text);
  }

  /** An entry was given out to be applied. */
  applied(entry: Entry, isDurable: boolean): void {
    assert(isDurable, `${entry.index}/${entry.term} is applied before it is durable`);
    const text = `${entry.term} ${entry.kind} ${entry.data.join()}`;
    const known = this.#applied.get(entry.index);
    assert(known === undefined || known === text, `two things applied at ${entry.index}: ${known} and ${text}`);
    this.#applied.set(entry.index, text);
  }

  /** A message leaves its sender, whose durable state is given. */
  sent(message: Message, durable: { term: Term; vote: NodeId | undefined; lastIndex: Index }): void {
    if (message.kind === "voteReply" && message.granted) this.#voted(message.from, message, durable);
    if (message.kind === "vote") this.#voted(message.from, { term: message.term, to: message.from }, durable);
    if (message.kind === "appendAccepted" && durable.term === message.term) {
      assert(durable.lastIndex >= message.match, "what is acknowledged is durable");
    }
  }

  /** A vote is durable before anybody hears of it, and there is one in a term, whatever crashes. */
  #voted(voter: NodeId, { term, to }: { term: Term; to: NodeId }, durable: { term: Term; vote: NodeId | undefined }) {
    assert(durable.term >= term, "a vote leaves only when its term is durable");
    assert(durable.term > term || durable.vote === to, "a vote leaves only when it is durable");
    const key = `${voter}/${term}`;
    const known = this.#votes.get(key);
    assert(known === undefined || known === to, `two votes by ${key}`);
    this.#votes.set(key, to);
  }

  /** A read was answered that had been asked for when `committed` was the highest commit index of all nodes. */
  read(index: Index, committed: Index): void {
    assert(index >= committed, `a read at ${index} misses what was committed at ${committed}`);
  }
}
