import { assert, nodeId, SeededRandom, type NodeId } from "@murmur/base";
import {
  decodeMembership,
  membershipOf,
  NO_MEMBERSHIP,
  Raft,
  type Entry,
  type Index,
  type Membership,
  type Message,
  type Position,
  type RaftConfig,
  type Ready,
  type Term,
} from "../index.ts";
import { Checker } from "./checker.ts";
import { Disk } from "./disk.ts";

export interface WorldOptions {
  readonly seed: number;
  /** All nodes there may ever be; the first `voters` of them form the cluster at first. */
  readonly nodes: number;
  readonly voters: number;
  /** How many times as fast as the slowest clock the fastest one is, at most. */
  readonly clockDriftMax?: number;
  readonly config?: Partial<RaftConfig>;
}

/** One node: a core with a driver as simple as can be, and a disk. */
export interface Node {
  readonly id: NodeId;
  readonly disk: Disk;
  raft: Raft | undefined;
  /** The log in memory, learned from Readys. */
  log: Map<Index, Entry>;
  boundary: Position;
  applied: Index;
  appliedMembership: Membership;
  /** Requests to read, with the highest commit index anywhere when each was made. */
  reads: Map<number, Index>;
  /** Where its log ended before its disk lost entries; undefined once it is whole again. */
  lost: { readonly last: Position; readonly exactlyKnown: boolean } | undefined;
  /** Its process stands still: nothing reaches it, no time passes for it. */
  paused: boolean;
  /** Ticks in a unit of time, and when the next one is due. */
  readonly tickRate: number;
  nextTickAt: number;
}

const BOUNDARY: Position = { index: 0, term: 0 };

/** Several cores in one process, on a network that may do anything but forge, and disks that lose what is not synced. */
export class World {
  readonly random: SeededRandom;
  readonly checker = new Checker();
  readonly nodes: readonly Node[];
  readonly #byId: ReadonlyMap<NodeId, Node>;
  readonly #config: Partial<RaftConfig>;
  network: Message[] = [];
  /** Directed pairs that cannot talk, as `from>to`. */
  cut = new Set<string>();
  readonly #clockDriftMax: number;
  #request = 0;
  servedReads = 0;

  constructor({ seed, nodes, voters, config, clockDriftMax = 1 }: WorldOptions) {
    this.random = new SeededRandom(seed);
    this.#clockDriftMax = clockDriftMax;
    this.#config = config ?? {};
    const ids = Array.from({ length: nodes }, (_, at) => nodeId(`n${at + 1}`));
    const founders = ids.slice(0, voters);
    this.nodes = ids.map((id) => this.#newNode(id, founders.includes(id) ? membershipOf(founders) : NO_MEMBERSHIP));
    this.#byId = new Map(this.nodes.map((node) => [node.id, node]));
    for (const node of this.nodes) this.start(node);
  }

  #newNode(id: NodeId, membership: Membership): Node {
    return {
      id,
      disk: new Disk(membership),
      raft: undefined,
      log: new Map(),
      boundary: BOUNDARY,
      applied: 0,
      appliedMembership: membership,
      reads: new Map(),
      lost: undefined,
      paused: false,
      // Mostly as slow or as fast as can be: that is where leases are tight.
      tickRate: 1 + Math.min(1, this.random.below(3) * this.random.next()) * (this.#clockDriftMax - 1),
      nextTickAt: this.random.next(),
    };
  }

  node(id: NodeId): Node {
    const node = this.#byId.get(id);
    assert(node !== undefined, `there is a node ${id}`);
    return node;
  }

  /** Starts a node from its disk. */
  start(node: Node): void {
    const { disk, lost } = node;
    node.log = new Map(disk.entries.map((entry) => [entry.index, entry]));
    node.boundary = disk.snapshot;
    node.applied = disk.snapshot.index;
    node.appliedMembership = disk.snapshot.membership;
    node.reads = new Map();
    node.raft = new Raft({
      id: node.id,
      membership: disk.snapshot.membership,
      hardState: disk.hardState,
      snapshot: disk.snapshot,
      entries: disk.entries,
      appliedIndex: disk.snapshot.index,
      random: this.random,
      config: this.#config,
      ...(lost === undefined ? {} : { recovering: boundOf(lost) }),
    });
    this.checker.restarted(node.raft.status());
    this.settle(node);
  }

  /** Stops a node at once. Of the writes under way a random part had reached the disk. */
  crash(node: Node): void {
    if (node.raft === undefined) return;
    const reached = this.random.below(node.disk.queue.length + 1);
    for (let count = 0; count < reached; count += 1) node.disk.sync();
    node.disk.queue = [];
    node.raft = undefined;
    node.paused = false;
  }

  /**
   * Stops a node whose disk loses synced entries from `from` on, or everything. Only one node at a time: more could lose
   * what nobody else has.
   */
  damage(node: Node, from: (first: Index, last: Index) => Index | "everything"): void {
    if (this.nodes.some((one) => this.#isDamaged(one))) return;
    this.crash(node);
    const { disk } = node;
    if (disk.lastIndex === disk.snapshot.index) return;
    const last: Position = { index: disk.lastIndex, term: disk.entries.at(-1)?.term ?? 0 };
    node.lost = { last, exactlyKnown: this.random.below(4) > 0 };
    this.checker.damaged(node.id);
    const first = from(disk.snapshot.index + 1, disk.lastIndex);
    if (first === "everything") disk.empty();
    else disk.damage(first);
  }

  #isDamaged(node: Node): boolean {
    if (node.lost !== undefined && node.raft?.status().recovering === false) node.lost = undefined;
    return node.lost !== undefined;
  }

  /** Lets time pass up to the next tick of any node. */
  passTime(): void {
    const node = this.nodes.reduce((first, one) => (one.nextTickAt < first.nextTickAt ? one : first));
    node.nextTickAt += 1 / node.tickRate;
    this.with(node, (raft) => raft.tick());
  }

  /** Its process goes on, and notices that it was paused, as drivers do. */
  resume(node: Node): void {
    if (!node.paused) return;
    node.paused = false;
    this.with(node, (raft) => raft.paused());
  }

  /** Does something with a node's core, and then what its Readys say. */
  with(node: Node, act: (raft: Raft) => void): void {
    if (node.raft === undefined || node.paused) return;
    act(node.raft);
    this.settle(node);
  }

  /** Lets the disk finish its oldest write. */
  sync(node: Node): void {
    const { raft } = node;
    const write = raft === undefined || node.paused ? undefined : node.disk.sync();
    if (raft === undefined || write === undefined) return;
    raft.persisted(write.number);
    for (const message of write.messagesAfterSync) this.#send(node, message);
    this.settle(node);
  }

  settle(node: Node): void {
    const { raft } = node;
    if (raft === undefined) return;
    for (let ready = raft.ready(); ready !== undefined; ready = raft.ready()) this.#handle(node, raft, ready);
    this.checker.observe({
      status: raft.status(),
      log: node.log,
      boundary: node.boundary,
      hadDurably: (id, entry) => this.#hadDurably(this.node(id), entry),
    });
  }

  #hadDurably({ disk, lost }: Node, entry: Position): boolean {
    return disk.holds(entry) || (lost !== undefined && entry.index <= lost.last.index);
  }

  #handle(node: Node, raft: Raft, ready: Ready): void {
    if (ready.snapshot !== undefined) {
      node.log.clear();
      node.boundary = ready.snapshot;
      node.applied = ready.snapshot.index;
      node.appliedMembership = ready.snapshot.membership;
      raft.applied(node.applied);
    }
    this.#mirror(node, ready.entries);
    node.disk.queue.push(ready);
    for (const message of ready.messages) this.#send(node, message);
    for (const entry of ready.committed) {
      assert(entry.index === node.applied + 1, "committed entries come in order");
      this.checker.applied(entry, node.disk.holds(entry));
      node.applied = entry.index;
      if (entry.kind === "membership") node.appliedMembership = decodeMembership(entry.data);
    }
    raft.applied(node.applied);
    for (const { requestId, index } of ready.reads) {
      this.checker.read(index, node.reads.get(requestId) ?? Infinity);
      node.reads.delete(requestId);
      this.servedReads += 1;
    }
    for (const { requestId } of ready.refusedReads) {
      assert(node.reads.delete(requestId), "a read is answered once");
    }
    for (const to of ready.snapshotsWanted) this.#sendSnapshot(node, raft, to);
  }

  #mirror(node: Node, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    for (const index of node.log.keys()) if (index >= first.index) node.log.delete(index);
    for (const entry of entries) {
      const before = entry.index - 1;
      const previous = before === node.boundary.index ? node.boundary.term : node.log.get(before)?.term;
      assert(previous !== undefined, "entries to write follow the log");
      this.checker.appended(entry, previous);
      node.log.set(entry.index, entry);
    }
  }

  #send(node: Node, message: Message): void {
    const { term, vote } = node.disk.hardState;
    this.checker.sent(message, { term, vote, lastIndex: node.disk.lastIndex });
    this.network.push(message);
  }

  #sendSnapshot(node: Node, raft: Raft, to: NodeId): void {
    const { term } = raft.status();
    this.network.push({ kind: "snapshot", from: node.id, to, term, snapshot: node.disk.snapshot });
  }

  /** Takes a message out of the network and delivers it, unless the link is cut. */
  deliver(at: number): void {
    const [message] = this.network.splice(at, 1);
    if (message === undefined) return;
    if (this.node(message.to).paused) {
      this.network.push(message);
      return;
    }
    const lost = this.cut.has(`${message.from}>${message.to}`) || this.node(message.to).raft === undefined;
    if (!lost) this.with(this.node(message.to), (raft) => raft.step(message));
    this.#reportTransfer(message, lost);
  }

  /** Lets the disks write and the messages come that there are, and what follows from them, `rounds` times. */
  drain(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      for (const node of this.nodes) while (node.disk.queue.length > 0 && !node.paused) this.sync(node);
      if (this.network.length === 0) return;
      for (let count = this.network.length; count > 0; count -= 1) this.deliver(0);
    }
  }

  lose(at: number): void {
    const [message] = this.network.splice(at, 1);
    if (message !== undefined) this.#reportTransfer(message, true);
  }

  #reportTransfer(message: Message, lost: boolean): void {
    if (message.kind !== "snapshot") return;
    this.with(this.node(message.from), (raft) => raft.reportSnapshot(message.to, lost ? "failed" : "finished"));
  }

  read(node: Node): void {
    this.#request += 1;
    const request = this.#request;
    this.with(node, (raft) => {
      node.reads.set(request, this.checker.maxCommit);
      raft.readIndex(request);
    });
  }

  /** Takes a snapshot of what is applied, and compacts the log up to `tail` entries before it. */
  snapshot(node: Node, tail: number): void {
    const term = node.log.get(node.applied)?.term;
    if (node.raft === undefined || term === undefined || node.applied <= node.disk.snapshot.index) return;
    node.disk.store({ index: node.applied, term, membership: node.appliedMembership });
    const upTo = node.applied - tail;
    const boundary = node.log.get(upTo);
    if (boundary === undefined) return;
    node.raft.compact(upTo);
    node.boundary = { index: boundary.index, term: boundary.term };
    for (const index of node.log.keys()) if (index <= upTo) node.log.delete(index);
  }

  leaders(): Node[] {
    return this.nodes.filter(({ raft }) => raft?.status().role === "leader");
  }
}

/** What a node knows of where its log had ended: sometimes only the term that it had durably. */
const boundOf = ({ last, exactlyKnown }: NonNullable<Node["lost"]>): { untilIndex: Index; untilTerm?: Term } =>
  exactlyKnown ? { untilIndex: last.index, untilTerm: last.term } : { untilIndex: Infinity };
