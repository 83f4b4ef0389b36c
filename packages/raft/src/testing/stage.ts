import { assert, nodeId, type NodeId, type Random } from "@murmur/base";
import {
  decodeMembership,
  Raft,
  type Index,
  type Membership,
  type Message,
  type RaftConfig,
  type Ready,
} from "../index.ts";
import { describeMessage, describeReady, describeStatus } from "./describe.ts";
import { Disk } from "./disk.ts";

/** Always the least: every time-out is electionTicks, every hint fires after one tick. */
const leastRandom: Random = { next: () => 0, below: () => 0 };

interface Actor {
  readonly id: NodeId;
  readonly disk: Disk;
  /** Its disk waits for `sync`. */
  slow: boolean;
  raft: Raft;
  applied: Index;
  membership: Membership;
}

/** A few cores whose every move is told by a script and written down, for golden traces. */
export class Stage {
  readonly #actors = new Map<NodeId, Actor>();
  readonly #config: Partial<RaftConfig>;
  readonly #cut = new Set<string>();
  #network: Message[] = [];
  #lines: string[] = [];

  constructor(config: Partial<RaftConfig>) {
    this.#config = config;
  }

  add(id: NodeId, membership: Membership): void {
    const disk = new Disk(membership);
    this.#actors.set(id, { id, disk, slow: false, applied: 0, membership, raft: this.#start(id, disk) });
  }

  #start(id: NodeId, disk: Disk, recovering?: { untilIndex: Index }): Raft {
    return new Raft({
      id,
      membership: disk.snapshot.membership,
      hardState: disk.hardState,
      snapshot: disk.snapshot,
      entries: disk.entries,
      appliedIndex: disk.snapshot.index,
      random: leastRandom,
      config: this.#config,
      ...(recovering === undefined ? {} : { recovering }),
    });
  }

  /** What has happened since the last call, a line each. */
  takeLines(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  say(line: string): void {
    this.#lines.push(line);
  }

  actor(id: string): Actor {
    const actor = this.#actors.get(nodeId(id));
    assert(actor !== undefined, `no node ${id} in this trace`);
    return actor;
  }

  /** Acts on a core, and does what its Readys say; messages wait in the network. */
  act(id: string, act: (raft: Raft) => void): void {
    const actor = this.actor(id);
    act(actor.raft);
    this.#settle(actor);
  }

  #settle(actor: Actor): void {
    for (let ready = actor.raft.ready(); ready !== undefined; ready = actor.raft.ready()) {
      this.#handle(actor, ready);
      if (!actor.slow) this.#sync(actor);
    }
  }

  #handle(actor: Actor, ready: Ready): void {
    for (const line of describeReady(ready)) this.say(`${actor.id} ${line}`);
    actor.disk.queue.push(ready);
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== undefined) {
      actor.applied = ready.snapshot.index;
      actor.membership = ready.snapshot.membership;
    }
    for (const entry of ready.committed) {
      actor.applied = entry.index;
      if (entry.kind === "membership") actor.membership = decodeMembership(entry.data);
    }
    actor.raft.applied(actor.applied);
  }

  #send(message: Message): void {
    const lost = this.#cut.has(`${message.from}>${message.to}`) || !this.#actors.has(message.to);
    this.say(`${describeMessage(message)}${lost ? " (lost)" : ""}`);
    if (!lost) this.#network.push(message);
  }

  #sync(actor: Actor, count = Infinity): void {
    for (let done = 0; done < count; done += 1) {
      const write = actor.disk.sync();
      if (write === undefined) return;
      actor.raft.persisted(write.number);
      for (const message of write.messagesAfterSync) this.#send(message);
    }
  }

  /** Lets a slow disk finish the oldest `count` writes that it has. */
  sync(id: string, count?: number): void {
    const actor = this.actor(id);
    this.#sync(actor, count);
    this.#settle(actor);
  }

  /** Delivers one waiting message: the first one that fits. */
  deliver(from: string, to: string, kind: string): void {
    const at = this.#network.findIndex((one) => one.from === from && one.to === to && one.kind === kind);
    const [message] = at === -1 ? [] : this.#network.splice(at, 1);
    assert(message !== undefined, `no ${kind} from ${from} to ${to} waits`);
    this.act(message.to, (raft) => raft.step(message));
  }

  /** Delivers messages until none waits; a bound, because heartbeats could go on for ever. */
  run(): void {
    for (let count = 0; this.#network.length > 0; count += 1) {
      assert(count < 1000, "the cluster comes to rest");
      const message = this.#network.shift();
      if (message !== undefined) this.act(message.to, (raft) => raft.step(message));
    }
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
    this.#network = this.#network.filter((one) => one.from !== from || one.to !== to);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Loses all messages that wait. */
  lose(): void {
    for (const message of this.#network) this.say(`${describeMessage(message)} (lost)`);
    this.#network = [];
  }

  /** Stops a node, losing what its disk has not finished and what `damage` says; starts it again. */
  restart(id: string, damage: { readonly from: Index } | "emptied" | undefined): void {
    const actor = this.actor(id);
    actor.disk.queue = [];
    const { lastIndex } = actor.disk;
    if (damage === "emptied") actor.disk.empty();
    else if (damage !== undefined) actor.disk.damage(damage.from);
    actor.applied = actor.disk.snapshot.index;
    actor.membership = actor.disk.snapshot.membership;
    actor.raft = this.#start(actor.id, actor.disk, damage === undefined ? undefined : { untilIndex: lastIndex });
    this.#settle(actor);
  }

  /** Stores a snapshot of what is applied, and compacts the log up to it. */
  compact(id: string): void {
    const actor = this.actor(id);
    const term = actor.disk.entries.find(({ index }) => index === actor.applied)?.term;
    assert(term !== undefined, "the last applied entry is in the log");
    actor.disk.store({ index: actor.applied, term, membership: actor.membership });
    actor.raft.compact(actor.applied);
  }

  /** Carries a node's stored snapshot to another one, as the drivers do. */
  sendSnapshot(from: string, to: string): void {
    const { id, disk, raft } = this.actor(from);
    this.#send({ kind: "snapshot", from: id, to: nodeId(to), term: raft.status().term, snapshot: disk.snapshot });
  }

  status(id: string): void {
    for (const line of describeStatus(this.actor(id).raft.status())) this.say(line);
  }
}
