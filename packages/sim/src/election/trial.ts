import { assert, nodeId, shuffled, type NodeId, type Random } from "@murmur/base";
import { membershipOf, type Message } from "@murmur/raft";
import { drawn, type ElectionConditions } from "./conditions.ts";
import { Survivor } from "./survivor.ts";

const LOST = nodeId("lost");
const SURVIVORS = ["a", "b", "c", "d"].map((name) => nodeId(name));
const MEMBERSHIP = membershipOf([LOST, ...SURVIVORS]);
/** No election takes nearly that long: a longer one is a defect. */
const ELECTION_MS_MAX = 600_000;

export interface ElectionOutcome {
  /** From the loss of the leader until all other servers have heard the new one. */
  readonly downtimeMs: number;
  /** The new leader's place among the four by the length of their logs: 3 has the longest. 0 and 1 can never win. */
  readonly rank: number;
}

interface Delivery {
  readonly atMs: number;
  readonly to: Survivor;
  readonly message: Message | "connectionBroken";
}

/**
 * Loses the leader of five servers once, and measures how long the other four are without one. As in the Raft thesis,
 * section 9.3: the followers have just had heartbeats at about the same moment, so that their timers run together; all
 * four logs differ in length, so that two of them can't win; the downtime ends with the new leader's first heartbeat.
 */
export function runElection(conditions: ElectionConditions, random: Random): ElectionOutcome {
  return new Trial(conditions, random).run();
}

class Trial {
  readonly #conditions: ElectionConditions;
  readonly #random: Random;
  /** From the shortest log to the longest. */
  readonly #survivors: readonly Survivor[];
  /** By time. Bounded by the few messages of an election. */
  readonly #deliveries: Delivery[] = [];
  /** Who has heard the newest leader, itself included. */
  readonly #followed = new Set<NodeId>();
  #leaderTerm = 0;

  constructor(conditions: ElectionConditions, random: Random) {
    this.#conditions = conditions;
    this.#random = random;
    this.#survivors = shuffled(SURVIVORS, random).map((id, rank) => {
      return new Survivor({ id, membership: MEMBERSHIP, lastIndex: rank + 1, conditions, random });
    });
  }

  run(): ElectionOutcome {
    const lostAtMs = this.#loseLeader();
    for (;;) {
      const survivor = this.#nextSurvivor();
      const delivery = this.#deliveries[0];
      if (delivery === undefined || survivor.nextAtMs < delivery.atMs) {
        const nowMs = survivor.nextAtMs;
        assert(nowMs < ELECTION_MS_MAX, "an election ends");
        survivor.advance();
        this.#post(survivor, nowMs);
        continue;
      }
      this.#deliveries.shift();
      this.#give(delivery);
      const leader = this.#everyonesLeader(delivery);
      if (leader === undefined) continue;
      const rank = this.#survivors.findIndex(({ id }) => id === leader);
      return { downtimeMs: delivery.atMs - lostAtMs, rank };
    }
  }

  /** The leader's last heartbeats, and what its loss lets the others notice. Returns the moment of the loss. */
  #loseLeader(): number {
    const { hardware, heartbeatMs, loss, tickMs } = this.#conditions;
    // After everyone's first tick: tickers must not start in step with the heartbeat.
    const heartbeatAtMs = tickMs;
    const lostAtMs = heartbeatAtMs + this.#random.next() * heartbeatMs;
    for (const to of this.#survivors) {
      const message: Message = { kind: "heartbeat", from: LOST, to: to.id, term: 1, commit: 0, round: 1 };
      this.#schedule({ atMs: heartbeatAtMs + drawn(hardware.networkMs, this.#random), to, message });
      if (loss === "cut") continue;
      this.#schedule({ atMs: lostAtMs + drawn(hardware.networkMs, this.#random), to, message: "connectionBroken" });
    }
    return lostAtMs;
  }

  #nextSurvivor(): Survivor {
    return this.#survivors.reduce((first, one) => (one.nextAtMs < first.nextAtMs ? one : first));
  }

  #give({ to, message, atMs }: Delivery): void {
    if (message === "connectionBroken") to.noticeBrokenConnection(atMs);
    else to.receive(message, atMs);
    this.#post(to, atMs);
  }

  /** The new leader, once the last of the others has heard of it with this delivery. */
  #everyonesLeader({ to, message }: Delivery): NodeId | undefined {
    if (message === "connectionBroken" || message.from === LOST) return undefined;
    if (message.kind !== "append" && message.kind !== "heartbeat") return undefined;
    if (message.term < this.#leaderTerm) return undefined;
    if (message.term > this.#leaderTerm) {
      this.#leaderTerm = message.term;
      this.#followed.clear();
      this.#followed.add(message.from);
    }
    this.#followed.add(to.id);
    return this.#followed.size === this.#survivors.length ? message.from : undefined;
  }

  #post(from: Survivor, nowMs: number): void {
    for (const message of from.takeSent()) {
      const to = this.#survivors.find(({ id }) => id === message.to);
      if (to === undefined) continue;
      this.#schedule({ atMs: nowMs + drawn(this.#conditions.hardware.networkMs, this.#random), to, message });
    }
  }

  #schedule(delivery: Delivery): void {
    const after = this.#deliveries.findIndex(({ atMs }) => atMs > delivery.atMs);
    this.#deliveries.splice(after === -1 ? this.#deliveries.length : after, 0, delivery);
  }
}
