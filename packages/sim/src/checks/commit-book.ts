import type { NodeId } from "@murmur/base";
import type { Membership } from "@murmur/raft";
import { NO_MEMBERSHIP } from "@murmur/raft";

/** All that is known to be committed: whoever saw it first, it is so for good. */
export class CommitBook {
  /** What lies up to here was committed before the log of this generation began. */
  #base = 0;
  #terms: number[] = [];
  /** By the term in which it became known: all up to `index` was committed then. Both grow. */
  #steps: { readonly term: number; readonly index: number }[] = [];
  /** In the order of their indexes. */
  #memberships: { readonly index: number; readonly membership: Membership }[] = [];

  /** The last index that is known to be committed. */
  get last(): number {
    return this.#base + this.#terms.length;
  }

  /** The term of the committed entry at an index; undefined when none is known there. */
  termAt(index: number): number | undefined {
    return this.#terms[index - this.#base - 1];
  }

  /** The log begins behind a snapshot. */
  begin(index: number, membership: Membership): void {
    this.#base = index;
    this.#memberships = [{ index, membership }];
  }

  /** The entry after the last one is committed, known by a node in this term. */
  add(entry: { readonly term: number; readonly membership: Membership | undefined }, knownIn: number): void {
    this.#terms.push(entry.term);
    const index = this.last;
    if (entry.membership !== undefined) this.#memberships.push({ index, membership: entry.membership });
    const step = this.#steps.at(-1);
    if (step !== undefined && step.term >= knownIn) this.#steps[this.#steps.length - 1] = { term: step.term, index };
    else this.#steps.push({ term: knownIn, index });
  }

  /** What a leader of this term must have: the last index that was committed in an earlier one. */
  lastBefore(term: number): number {
    return this.#steps.findLast((step) => step.term < term)?.index ?? this.#base;
  }

  /** The membership in force once everything up to an index is committed. */
  membershipAt(index: number): Membership {
    return this.#memberships.findLast((known) => known.index <= index)?.membership ?? NO_MEMBERSHIP;
  }

  /** Whether the membership in force at an index, or a later one, has no place for a node. */
  excludesSince(index: number, node: NodeId): boolean {
    const { index: inForce } = this.#memberships.findLast((known) => known.index <= index) ?? { index: 0 };
    return this.#memberships.some((known) => known.index >= inForce && !membersOf(known.membership).includes(node));
  }

  /** The index of the last committed membership. */
  get lastMembership(): number {
    return this.#memberships.at(-1)?.index ?? 0;
  }
}

const membersOf = ({ voters, votersOutgoing, learners, learnersNext }: Membership): readonly NodeId[] => [
  ...voters,
  ...votersOutgoing,
  ...learners,
  ...learnersNext,
];
