import { assert } from "@murmur/base";
import { configOf, leaseDriftMax } from "../config.ts";
import type { MemberStep } from "../index.ts";
import { World, type Node } from "./world.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly steps: number;
  /** Reads by lease: then clocks drift no more than leases allow for. */
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
  readonly pauses: boolean;
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
    const config = {
      electionTicks: 3 + (seed % 7),
      heartbeatTicks: 1 + (seed % 2),
      maxInflightMessages: 4,
      maxAppendBytes: 200,
      maxEntryBytes: 200,
      preVote: this.#preVote,
      checkQuorum: leases || seed % 5 > 0,
      leaseReads: leases,
    };
    // Where leases never last, nothing depends on the clocks.
    const clockDriftMax = leases ? Math.min(leaseDriftMax(configOf(config)), 3) : 1;
    this.world = new World({ seed, voters, nodes: voters + (seed % 3), config, clockDriftMax });
    this.#steps = steps;
    const chance = (percent: number): boolean => this.world.random.below(100) < percent;
    this.#mood = {
      lossPerMille: chance(50) ? this.world.random.below(300) : 0,
      duplicatePerMille: chance(50) ? this.world.random.below(200) : 0,
      crashes: chance(70),
      cuts: chance(70),
      changes: chance(60),
      damage: chance(40),
      pauses: chance(40),
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

  #actionsOf(mood: Mood, leases: boolean): Action[] {
    const { world } = this;
    const on = (enabled: boolean, weight: number): number => (enabled ? weight : 0);
    const some = (act: (node: Node) => void) => (): void => act(this.#pick(world.nodes));
    return [
      // Leases need messages that are faster than time-outs, and leaders that do not know that they were replaced.
      [leases ? 1000 : 400, () => this.#deliver()],
      [on(leases, 100), () => this.#strikeLeader((leader) => world.read(leader))],
      // Without leases the clocks may be as they like.
      [on(!leases, 150), some((node) => world.with(node, (raft) => raft.tick()))],
      [on(leases, 150), () => world.passTime()],
      [leases ? 400 : 150, some((node) => world.sync(node))],
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
      [on(mood.damage, 2), some((node) => this.#damage(node))],
      [on(mood.pauses, 3), some((node) => (node.paused = node.raft !== undefined))],
      [on(mood.pauses, 2), () => this.#strikeLeader((leader) => (leader.paused = true))],
      [on(mood.pauses, 10), some((node) => world.resume(node))],
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
    if (node.raft === undefined) this.world.start(node);
  }

  #damage(node: Node): void {
    const { random } = this.world;
    this.world.damage(node, (first, last) => {
      return random.below(3) === 0 ? "everything" : first + random.below(last - first + 1);
    });
  }

  /** No faults any more: within bounded time there is one leader, and everyone that it knows has all. */
  #heal(): void {
    const { world } = this;
    world.cut.clear();
    for (const node of world.nodes) {
      world.resume(node);
      this.#restart(node);
    }
    for (let tick = 0; tick < 400; tick += 1) {
      this.#tickAll();
      world.drain(40);
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
}

const termOf = ({ raft }: Node): number => raft?.status().term ?? 0;
