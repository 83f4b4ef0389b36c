import { nodeId, type NodeId } from "@murmur/base";
import type { ManagerStatus } from "@murmur/manager";
import {
  encodeMembership,
  membershipOf,
  NO_MEMBERSHIP,
  type Membership,
  type Message,
  type PeerStatus,
} from "@murmur/raft";
import type { HardState, Recovered, StoredEntry } from "@murmur/storage";
import type { RaftHost } from "../raft-scene.ts";
import { RaftChecks } from "../raft-checks.ts";
import { Judge } from "../violation.ts";

export const [A, B, C, D, E] = [nodeId("a"), nodeId("b"), nodeId("c"), nodeId("d"), nodeId("e")];
export const MEMBERS = membershipOf([A, B, C]);

export const entry = (index: number, term: number, text = "x"): StoredEntry => ({
  index,
  term,
  kind: "normal",
  data: Buffer.from(text),
});
export const membershipEntry = (index: number, term: number, membership: Membership): StoredEntry => ({
  index,
  term,
  kind: "membership",
  data: encodeMembership(membership),
});

/** A manager that shows what a test wants it to show, and its log. */
class FakeManager implements RaftHost {
  readonly id: NodeId;
  readonly checks: RaftChecks;
  #status: ManagerStatus = STATUS;
  #manager = { status: (): ManagerStatus => this.#status };

  constructor(id: NodeId, checks: RaftChecks) {
    this.id = id;
    this.checks = checks;
    this.open();
  }

  get name(): string {
    return `host of ${this.id}`;
  }
  get member(): RaftHost["member"] {
    return { identity: { nodeId: this.id }, host: { manager: () => this.#manager } };
  }

  /** The process starts, and finds this. */
  open(
    hardState: HardState = { term: 0, commit: 0 },
    entries: readonly StoredEntry[] = [],
    damage?: Recovered["damage"],
  ): void {
    this.#manager = { status: () => this.#status };
    this.#reaches(entries);
    this.checks.opened(this, { hardState, entries, ...(damage !== undefined && { damage }) }, 0);
  }

  /** Writes, and it becomes durable. */
  write(entries: readonly StoredEntry[], hardState?: HardState): void {
    const batch = { entries, ...(hardState !== undefined && { hardState }) };
    this.#reaches(entries);
    this.checks.wrote(this, batch);
    this.checks.durable(this, batch);
  }

  /** Writes, and it is not durable yet. */
  begin(entries: readonly StoredEntry[]): void {
    this.#reaches(entries);
    this.checks.wrote(this, { entries });
  }

  #reaches(entries: readonly StoredEntry[]): void {
    const last = entries.at(-1);
    if (last !== undefined) this.becomes({ lastIndex: last.index, lastTerm: last.term });
  }

  shows(status: Partial<ManagerStatus>): void {
    this.#status = { ...this.#status, ...status };
    this.checks.stepped(this);
  }

  /** Will be seen at the next write. */
  becomes(status: Partial<ManagerStatus>): void {
    this.#status = { ...this.#status, ...status };
  }

  sends(to: NodeId, message: DistributiveOmit<Message, "from" | "to">): void {
    this.checks.sent(this, to, { ...message, from: this.id, to });
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const STATUS: ManagerStatus = {
  role: "follower",
  term: 0,
  leader: undefined,
  membership: NO_MEMBERSHIP,
  commit: 0,
  applied: 0,
  lastIndex: 0,
  lastTerm: 0,
  recovering: false,
  peers: [],
  sessions: 0,
  waiting: 0,
};

export const peer = (id: NodeId, match: number): PeerStatus => ({
  id,
  learner: false,
  sending: "replicate",
  match,
  next: match + 1,
  active: true,
  inflightMessages: 0,
  inflightBytes: 0,
});

export interface FakeCluster {
  readonly checks: RaftChecks;
  readonly a: FakeManager;
  readonly b: FakeManager;
  readonly c: FakeManager;
}

/** Three managers; the first leads in term 1, and the membership of all three is committed at index 1. */
export function fakeCluster(): FakeCluster {
  const checks = new RaftChecks(new Judge(() => 1_234));
  const [a, b, c] = [A, B, C].map((id) => new FakeManager(id, checks));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three were made");
  for (const one of [a, b, c]) {
    one.write([membershipEntry(1, 1, MEMBERS)], { term: 1, votedFor: A, commit: 0 });
    one.shows({ term: 1 });
  }
  a.shows({ role: "leader", commit: 1, applied: 1, membership: MEMBERS, peers: [peer(B, 1), peer(C, 1)] });
  for (const one of [b, c]) one.shows({ commit: 1, applied: 1, membership: MEMBERS });
  return { checks, a, b, c };
}
