import { assert, type NodeId } from "@murmur/base";
import type { Index, MemberStep, Term } from "../index.ts";
import { World, type Node } from "./world.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly steps: number;
  /** Reads by lease: then all clocks run at the same rate, as leases assume. */
  readonly leases?: boolean;
}

/** What a seed decides on besides the order of events. */
interface Mood {
  /** Of 1,000 deliveries. */
  readonly lossPerMille: number;
  readonly duplicatePerMille: number;
  readonly crashes: boolean;
  readonly cuts: boolean;
  readonly changes: boolean;
  readonly damage: boolean;
  /** Weights of campaigns out of turn, and of the healing of all cuts. */
  readonly campaigns: number;
  readonly healing: number;
}

type Action = readonly [weight: number, act: () => void];

/** Some minutes of a cluster's life with faults, then quiet, in which it has to come to an agreement. */
export class Chaos {
  readonly world: World;
  readonly #steps: number;
  readonly #mood: Mood;
  readonly #preVote: boolean;
  readonly #actions: readonly Action[];
  readonly #weights: number;

  constructor({ seed, steps, leases = false }: ChaosOptions) {
    const voters = 3 + 2 * (seed % 2);
    this.#preVote = seed % 4 > 0;
    this.world = new World({
      seed,
      voters,
      nodes: voters + (seed % 3),
      config: {
        electionTicks: 3 + (seed % 7),
        heartbeatTicks: 1 + (seed % 2),
        maxInflightMessages: 4,
        maxAppendBytes: 200,
        maxEntryBytes: 200,
        preVote: this.#preVote,
        checkQuorum: leases || seed % 5 > 0,
        leaseReads: leases,
      },
    });
    this.#steps = steps;
    const chance = (percent: number): boolean => this.world.random.below(100) < percent;
    this.#mood = {
      lossPerMille: chance(50) ? this.world.random.below(300) : 0,
      duplicatePerMille: chance(50) ? this.world.random.below(200) : 0,
      crashes: chance(70),
      cuts: chance(70),
      changes: chance(60),
      damage: chance(40),
      campaigns: chance(30) ? 15 : 2,
      healing: chance(50) ? 8 : 2,
    };
    this.#actions = this.#actionsOf(this.#mood, leases);
    this.#weights = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
  }

  run(): void {
    for (let step = 0; step < this.#steps; step += 1) this.#act();
    // Without pre-vote a removed node that does not know of it disturbs the others for ever.
    if (this.#preVote) this.#heal();
  }

  #actionsOf(mood: Mood, lockstep: boolean): Action[] {
    const { world } = this;
    const on = (enabled: boolean, weight: number): number => (enabled ? weight : 0);
    const some = (act: (node: Node) => void) => (): void => act(this.#pick(world.nodes));
    return [
      [400, () => this.#deliver()],
      [on(!lockstep, 150), some((node) => world.with(node, (raft) => raft.tick()))],
      [on(lockstep, 40), () => this.#tickAll()],
      [150, some((node) => world.sync(node))],
      [60, () => this.#propose()],
      [30, some((node) => world.read(node))],
      [8, some((node) => world.snapshot(node, world.random.below(6)))],
      [4, some((node) => world.with(node, (raft) => raft.hintLeaderUnreachable()))],
      [mood.campaigns, some((node) => world.with(node, (raft) => raft.campaign()))],
      [4, () => this.#transfer()],
      [4, some((node) => world.with(node, (raft) => raft.reportUnreachable(this.#pick(world.nodes).id)))],
      [on(mood.changes, 10), () => this.#change()],
      [on(mood.crashes, 6), some((node) => world.crash(node))],
      [on(mood.crashes, 2), () => this.#strikeLeader((leader) => world.crash(leader))],
      [20, some((node) => this.#restart(node))],
      [on(mood.cuts, 4), some((node) => this.#cut(node))],
      [on(mood.cuts, 4), () => this.#strikeLeader((leader) => this.#cut(leader))],
      [mood.healing, () => world.cut.clear()],
      [on(mood.damage, 2), () => this.#damage()],
    ];
  }

  #tickAll(): void {
    for (const node of this.world.nodes) this.world.with(node, (raft) => raft.tick());
  }

  #act(): void {
    let at = this.world.random.below(this.#weights);
    for (const [weight, act] of this.#actions) {
      at -= weight;
      if (at < 0) return act();
    }
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.world.random.below(items.length)];
    assert(item !== undefined, "there is something to pick");
    return item;
  }

  #deliver(): void {
    const { network, random } = this.world;
    if (network.length === 0) return;
    // Mostly in order, sometimes not.
    const at = random.below(10) < 7 ? 0 : random.below(network.length);
    const message = network[at];
    if (message !== undefined && random.below(1000) < this.#mood.duplicatePerMille && network.length < 500) {
      network.push(message);
    }
    if (random.below(1000) < this.#mood.lossPerMille || network.length > 1000) this.world.lose(at);
    else this.world.deliver(at);
  }

  #propose(): void {
    const leaders = this.world.leaders();
    if (leaders.length === 0) return;
    const { random } = this.world;
    const data = Array.from(
      { length: 1 + random.below(3) },
      () => new Uint8Array([random.below(256), random.below(256)]),
    );
    this.world.with(this.#pick(leaders), (raft) => void raft.propose(data));
  }

  #transfer(): void {
    const leaders = this.world.leaders();
    if (leaders.length === 0) return;
    const to = this.#pick(this.world.nodes).id;
    this.world.with(this.#pick(leaders), (raft) => void raft.transferLeadership(to));
  }

  #change(): void {
    const leaders = this.world.leaders();
    if (leaders.length === 0) return;
    const { random } = this.world;
    const kinds = ["addVoter", "addVoter", "addLearner", "remove"] as const;
    const steps: MemberStep[] = Array.from({ length: 1 + random.below(3) }, () => ({
      kind: this.#pick(kinds),
      node: this.#pick(this.world.nodes).id,
    }));
    const transition = this.#pick(["auto", "joint", "jointExplicit"] as const);
    this.world.with(this.#pick(leaders), (raft) => {
      if (random.below(3) === 0) raft.changeMembership({ kind: "leaveJoint" });
      else raft.changeMembership({ kind: "change", steps, transition });
    });
  }

  #strikeLeader(strike: (leader: Node) => void): void {
    const leaders = this.world.leaders();
    if (leaders.length > 0) strike(this.#pick(leaders));
  }

  /** Cuts a node from most of the others, mostly in both directions. */
  #cut({ id: one }: Node): void {
    for (const { id } of this.world.nodes) {
      if (id === one || this.world.random.below(3) === 0) continue;
      this.world.cut.add(`${one}>${id}`);
      if (this.world.random.below(4) > 0) this.world.cut.add(`${id}>${one}`);
    }
  }

  #restart(node: Node): void {
    if (node.raft === undefined) this.world.start(node, this.#lost.get(node.id));
  }

  /** Nodes whose disk lost entries, and what they may have acknowledged. */
  readonly #lost = new Map<NodeId, { untilIndex: Index; untilTerm?: Term }>();

  /** One node at a time loses synced entries: more could lose what only they had. */
  #damage(): void {
    for (const id of this.#lost.keys()) if (this.#whole(id)) this.#lost.delete(id);
    const node = this.#pick(this.world.nodes);
    if (this.#lost.size > 0 || node.disk.entries.length === 0) return;
    this.world.crash(node);
    const { lastIndex, snapshot } = node.disk;
    if (lastIndex === snapshot.index) return;
    const lastTerm = node.disk.entries.at(-1)?.term ?? 0;
    const exact = this.world.random.below(4) > 0;
    node.disk.damage(snapshot.index + 1 + this.world.random.below(lastIndex - snapshot.index));
    this.#lost.set(node.id, exact ? { untilIndex: lastIndex, untilTerm: lastTerm } : { untilIndex: Infinity });
  }

  #whole(id: NodeId): boolean {
    const { raft } = this.world.node(id);
    return raft !== undefined && !raft.status().recovering;
  }

  /** No faults any more: within bounded time there is one leader, and everyone that it knows has all. */
  #heal(): void {
    const { world } = this;
    world.cut.clear();
    for (const node of world.nodes) this.#restart(node);
    for (let tick = 0; tick < 400; tick += 1) {
      this.#tickAll();
      this.#drain();
      if (tick % 20 === 0) this.#propose();
    }
    const leader = world.leaders().toSorted((left, right) => termOf(right) - termOf(left))[0];
    // The damaged node's vote may be needed, and nobody else may have all that it had: then only people can help.
    if (leader === undefined && world.nodes.some(({ raft }) => raft?.status().recovering === true)) return;
    assert(leader?.raft !== undefined, "a healed cluster has a leader");
    const status = leader.raft.status();
    assert(status.commit === status.lastIndex && status.applied === status.commit, "the leader has committed its log");
    for (const { id } of status.peers) {
      assert(world.node(id).applied === status.commit, `member ${id} has applied everything`);
    }
    for (const node of world.nodes) assert(node.reads.size === 0, "every read was answered");
  }

  #drain(): void {
    const { world } = this;
    for (let round = 0; round < 40; round += 1) {
      for (const node of world.nodes) while (node.disk.queue.length > 0) world.sync(node);
      if (world.network.length === 0) return;
      for (let count = world.network.length; count > 0; count -= 1) world.deliver(0);
    }
  }
}

const termOf = ({ raft }: Node): number => raft?.status().term ?? 0;
