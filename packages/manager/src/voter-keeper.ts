import { codeOf, messageOf, type Clock, type Log, type Millis, type NodeId, type Scope } from "@murmur/base";
import type { ClusterNode, InternalCommand } from "@murmur/model";
import type { MemberStep, Raft, Status } from "@murmur/raft";
import type { View } from "@murmur/store";
import { planVoters, zoneOf, type MembershipFacts, type VoterCandidate } from "./voter-plan.ts";

const CHECK_MS: Millis = 250;
/**
 * A voter is replaced when it has been down for this long: a restarting host should find its vote again. In the place of
 * one that has no vote yet another is chosen at once.
 */
const REPLACE_AFTER_MS: Millis = 10_000;
/** A manager counts as heard from for so long: raft begins to count anew with each of its checks. */
const HEARD_MS: Millis = 1_000;
/**
 * After a hand-over that came to nothing this leader goes on leading for so long before it begins another: nothing is
 * written while one is under way, not even that the heir is down.
 */
const NEXT_HAND_OVER_MS: Millis = 3_000;
/** A learner votes when it lacks at most this many entries. */
const CAUGHT_UP_ENTRIES = 64;

export interface VoterKeeperOptions {
  readonly self: NodeId;
  readonly raft: Pick<Raft, "changeMembership" | "transferLeadership"> & {
    status(): Pick<Status, "role" | "membership" | "peers" | "lastIndex" | "pendingMembership">;
  };
  readonly view: () => View;
  /** Whether a learner keeps the keys of secrets that this manager keeps. Rejects when it doesn't say. */
  readonly hasKeys: (id: NodeId, signal: AbortSignal) => Promise<boolean>;
  readonly pump: () => void;
  readonly submit: (commands: readonly InternalCommand[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The leader keeps the wanted number of voters: looks at nodes and membership, and takes one step at a time. */
export class VoterKeeper {
  readonly #options: VoterKeeperOptions;
  /**
   * Learners of which it is known that they keep the keys of secrets. Invariant: only they may become voters, so that
   * every voter has the keys, and whoever leaves, crashes or is removed takes none with it.
   */
  readonly #keepers = new Set<NodeId>();
  readonly #asked = new Set<NodeId>();
  /** When each manager was last found to be heard from. */
  readonly #heardAt = new Map<NodeId, Millis>();
  /** When leadership was last handed to each voter that didn't take it; the last one is the last. */
  readonly #triedAt = new Map<NodeId, Millis>();
  #recording = false;

  constructor(options: VoterKeeperOptions) {
    this.#options = options;
  }

  start(scope: Scope): void {
    const { clock } = this.#options;
    const tick = (): void => {
      this.#askLearners(scope);
      this.#step();
      this.#recordRoles(scope);
      timer = clock.setTimer(CHECK_MS, tick);
    };
    let timer = clock.setTimer(CHECK_MS, tick);
    scope.defer(() => timer.cancel());
  }

  #step(): void {
    const { raft, view, pump, clock, log } = this.#options;
    const cluster = view().cluster();
    if (cluster === undefined || raft.status().role !== "leader") return;
    const facts = this.#facts();
    const plan = planVoters(this.#candidates(), facts, cluster.spec.voters);
    if (plan.kind === "none") return;
    if (plan.kind === "transfer") {
      const now = clock.monotonic();
      if (Math.max(...this.#triedAt.values()) > now - NEXT_HAND_OVER_MS) return;
      // At the end, also where it was there before.
      this.#triedAt.delete(plan.to);
      this.#triedAt.set(plan.to, now);
      const answer = raft.transferLeadership(plan.to);
      log.info("handing leadership over", { to: plan.to, answer: answer.kind });
    } else {
      const steps = stepsBetween(facts, plan.voters, plan.learners);
      const answer = raft.changeMembership({ kind: "change", steps, transition: "auto" });
      log.info("changing the managers", {
        voters: plan.voters.join(" "),
        learners: plan.learners.join(" "),
        answer: answer.kind,
      });
    }
    pump();
  }

  /** Asks those that don't say yes again at each tick; what was begun with an answer goes on at once. */
  #askLearners(scope: Scope): void {
    const { raft, hasKeys, log } = this.#options;
    const { learners } = raft.status().membership;
    // One that comes back later may have lost them.
    for (const id of this.#keepers) if (!learners.includes(id)) this.#keepers.delete(id);
    for (const id of learners) {
      if (this.#keepers.has(id) || this.#asked.has(id)) continue;
      this.#asked.add(id);
      scope.run("keys of a learner", async (signal) => {
        try {
          if (!(await hasKeys(id, signal)) || !raft.status().membership.learners.includes(id)) return;
          this.#keepers.add(id);
          this.#step();
        } catch (error) {
          log.debug("a learner did not say whether it has the keys of secrets", { learner: id, code: codeOf(error) });
        } finally {
          this.#asked.delete(id);
        }
      });
    }
  }

  #candidates(): VoterCandidate[] {
    const { clock, raft, view } = this.#options;
    const now = clock.now();
    const voters = new Set(raft.status().membership.voters);
    const maySoonBeBack = ({ id, status }: ClusterNode): boolean =>
      voters.has(id) && status.state === "down" && now - status.at < REPLACE_AFTER_MS;
    return view()
      .nodes()
      .map((node) => ({
        id: node.id,
        usable: node.status.state === "ready" || maySoonBeBack(node),
        zone: zoneOf(node),
        pinned: node.spec.pinnedRole,
      }));
  }

  #facts(): MembershipFacts {
    const { raft, self } = this.#options;
    const { membership, peers, lastIndex, pendingMembership } = raft.status();
    const caughtUp = new Set<NodeId>();
    for (const { id, match } of peers) {
      if (lastIndex - match <= CAUGHT_UP_ENTRIES && match > 0 && this.#keepers.has(id)) caughtUp.add(id);
    }
    return {
      leader: self,
      voters: membership.voters,
      learners: membership.learners,
      caughtUp,
      heard: this.#heard(),
      tried: [...this.#triedAt.keys()],
      changing: pendingMembership !== undefined || membership.votersOutgoing.length > 0,
    };
  }

  /** Whom raft has heard from in the last moments; it is asked four times a second. Forgets who is no member any more. */
  #heard(): NodeId[] {
    const { raft, clock } = this.#options;
    const { peers } = raft.status();
    const now = clock.monotonic();
    const present = new Set(peers.map(({ id }) => id));
    for (const book of [this.#heardAt, this.#triedAt])
      for (const id of book.keys()) if (!present.has(id)) book.delete(id);
    for (const { id, active } of peers) if (active) this.#heardAt.set(id, now);
    return peers
      .filter(({ id }) => now - (this.#heardAt.get(id) ?? -Infinity) < HEARD_MS)
      .toSorted((left, right) => right.match - left.match)
      .map(({ id }) => id);
  }

  /** Writes what raft's membership says into the nodes' records, for people and for the agents. */
  #recordRoles(scope: Scope): void {
    const { raft, view, submit, clock, log } = this.#options;
    if (this.#recording) return;
    const { membership } = raft.status();
    const roles: Record<string, "voter" | "learner"> = {};
    for (const id of membership.learners) roles[id] = "learner";
    for (const id of [...membership.voters, ...membership.votersOutgoing]) roles[id] = "voter";
    if (
      view()
        .nodes()
        .every((node) => node.raftRole === (roles[node.id] ?? "none"))
    )
      return;
    this.#recording = true;
    scope.run("record managers", async () => {
      try {
        await submit([{ kind: "setRaftRoles", roles, now: clock.now() }]);
      } catch (error) {
        log.debug("could not record the managers", { code: codeOf(error), error: messageOf(error) });
      } finally {
        this.#recording = false;
      }
    });
  }
}

/** The steps that lead from the present membership to the wanted one. */
function stepsBetween(facts: MembershipFacts, voters: readonly NodeId[], learners: readonly NodeId[]): MemberStep[] {
  const steps: MemberStep[] = [];
  for (const node of voters) if (!facts.voters.includes(node)) steps.push({ kind: "addVoter", node });
  for (const node of learners) if (!facts.learners.includes(node)) steps.push({ kind: "addLearner", node });
  for (const node of [...facts.voters, ...facts.learners]) {
    if (!voters.includes(node) && !learners.includes(node)) steps.push({ kind: "remove", node });
  }
  return steps;
}
