import type { Millis, NodeId } from "@murmur/base";
import type { SwimConfig } from "./config.ts";
import type { Courier } from "./courier.ts";
import type { Effects } from "./effect.ts";
import type { LocalHealth } from "./local-health.ts";
import { isLive, type Member } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { ProbeNumbers } from "./probe-numbers.ts";
import type { ProbeOrder } from "./probe-order.ts";
import type { Roster } from "./roster.ts";

interface Probe {
  readonly number: number;
  readonly target: Member;
  /** When the direct probe gives way to indirect ones. */
  timeoutAt: Millis;
  /** What health multiplied its times by. */
  readonly factor: number;
}

/** Where the probe of this period stands. Its end is the period's end in any case. */
type Round =
  /** Nobody to probe, the target has answered, or the probe was given up. */
  | { state: "settled" }
  | { state: "direct"; probe: Probe }
  | {
      state: "indirect";
      probe: Probe;
      /** Who was asked, and whether they said that the target did not answer them. */
      helpers: ReadonlySet<NodeId>;
      nacks: Set<NodeId>;
      /** Whether the target answered over the reliable channel. */
      reached: boolean;
    };

export interface ProberDeps {
  config: SwimConfig;
  numbers: ProbeNumbers;
  order: ProbeOrder;
  roster: Roster;
  membership: Membership;
  courier: Courier;
  health: LocalHealth;
  effects: Effects;
  /** When the first period begins. */
  startAt: Millis;
}

/**
 * SWIM's failure detector: one probe a period. A ping; after the timeout, pings through `indirectProbes` others and over
 * the reliable channel; at the period's end without any ack, a suspicion. At most one probe is under way.
 */
export class Prober {
  readonly #deps: ProberDeps;
  #round: Round = { state: "settled" };
  #periodEndsAt: Millis;

  constructor(deps: ProberDeps) {
    this.#deps = deps;
    this.#periodEndsAt = deps.startAt;
  }

  get deadline(): Millis {
    return this.#round.state === "direct" ? this.#round.probe.timeoutAt : this.#periodEndsAt;
  }

  tick(now: Millis): void {
    if (this.#round.state === "direct" && now >= this.#round.probe.timeoutAt) this.#askOthers(this.#round.probe, now);
    if (now < this.#periodEndsAt) return;
    if (this.#round.state === "indirect") this.#conclude(this.#round, now);
    this.#startPeriod(now);
  }

  /** An ack came by datagram, from the target or from one who was asked for help. */
  acknowledge(number: number, from: NodeId): void {
    const round = this.#round;
    if (round.state === "settled" || round.probe.number !== number) return;
    const helped = round.state === "indirect" && round.helpers.has(from);
    if (from !== round.probe.target.id && !helped) return;
    this.#round = { state: "settled" };
    this.#deps.health.change(-1);
  }

  /** A helper says that the target has not answered it either. */
  refuse(number: number, from: NodeId): void {
    const round = this.#round;
    if (round.state === "indirect" && round.probe.number === number && round.helpers.has(from)) round.nacks.add(from);
  }

  /** The target has answered over the reliable channel. */
  reach(number: number, from: NodeId): void {
    const round = this.#round;
    if (round.state !== "indirect" || round.probe.number !== number || round.probe.target.id !== from) return;
    round.reached = true;
  }

  /**
   * This node was stalled for `lostMs` just now. The probe under way gets the lost time back; when the stall was long
   * beside the probe's own timeout, it is given up without a verdict and a new period begins.
   */
  excuse(lostMs: Millis, now: Millis): void {
    const { config, health } = this.#deps;
    if (this.#round.state === "settled") {
      this.#periodEndsAt = Math.max(this.#periodEndsAt, now);
    } else if (lostMs >= config.stallThresholdMs * this.#round.probe.factor) {
      this.#round = { state: "settled" };
      this.#periodEndsAt = now + config.probeIntervalMs * health.factor;
    } else {
      this.#periodEndsAt += lostMs;
      if (this.#round.state === "direct") this.#round.probe.timeoutAt += lostMs;
    }
  }

  #startPeriod(now: Millis): void {
    const { config, health, numbers, courier } = this.#deps;
    const { factor } = health;
    this.#periodEndsAt = now + config.probeIntervalMs * factor;
    const target = this.#nextTarget();
    if (target === undefined) {
      this.#round = { state: "settled" };
      // With nobody to ask, a period without a stall is all the evidence of good health that there can be.
      health.change(-1);
      return;
    }
    const probe = { number: numbers.next(), target, timeoutAt: now + config.probeTimeoutMs * factor, factor };
    this.#round = { state: "direct", probe };
    courier.send(target, { kind: "ping", number: probe.number, target: target.id }, now);
  }

  #nextTarget(): Member | undefined {
    const { order, roster } = this.#deps;
    const id = order.next((candidate) => {
      const member = roster.view(candidate);
      return member !== undefined && isLive(member.state);
    });
    return id === undefined ? undefined : roster.view(id);
  }

  #askOthers(probe: Probe, now: Millis): void {
    const { config, roster, courier, effects } = this.#deps;
    const { number, target } = probe;
    const timeoutMs = Math.max(0, Math.floor(this.#periodEndsAt - now));
    const helpers = roster.sample(config.indirectProbes, ({ id, state }) => state === "alive" && id !== target.id);
    for (const helper of helpers) {
      const { id, address } = target;
      const wantsNack = config.lhaProbe;
      courier.send(helper, { kind: "pingReq", number, target: id, address, timeoutMs, wantsNack }, now);
    }
    effects.push({ kind: "reliableProbe", to: target.address, nodeId: target.id, number, timeoutMs });
    const ids = new Set(helpers.map((helper) => helper.id));
    this.#round = { state: "indirect", probe, helpers: ids, nacks: new Set(), reached: false };
  }

  #conclude(round: Extract<Round, { state: "indirect" }>, now: Millis): void {
    const { effects, health, membership } = this.#deps;
    const { id, incarnation, address } = round.probe.target;
    if (round.reached) {
      const text = `${id} at ${address} answers over TCP but not over UDP; let UDP through in both directions`;
      return effects.warn(`udp ${id}`, text, now);
    }
    // A helper that keeps silent casts doubt on this node; one that says no confirms that this node works.
    const silent = round.helpers.size - round.nacks.size;
    health.change(round.helpers.size === 0 ? 1 : silent);
    membership.hear({ kind: "suspect", id, incarnation, from: membership.selfId }, { now });
  }
}
