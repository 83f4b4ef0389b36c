import type { Millis, NodeId } from "@murmur/base";
import type { AliveClaim, Claim, LeftClaim } from "./claim.ts";
import type { Effects } from "./effect.ts";
import { COUNTER_MAX } from "./limits.ts";
import type { LocalHealth } from "./local-health.ts";
import { sameContent, type Member } from "./member.ts";

export interface SelfOptions {
  id: NodeId;
  /** Where others reach this node. */
  address: string;
  meta: Uint8Array;
  /** Where to begin; 0 is always right, because a node that is remembered learns its old incarnation from others. */
  incarnation: number;
}

/** So many foreign addresses under this id within the window, and two nodes have one id. */
const CONFLICT_CLAIMS = 3;
const CONFLICT_WINDOW_MS = 60_000;
/** While two nodes fight over an id, each claims it again at most so often. */
const CONFLICT_PAUSE_MS = 5_000;

/**
 * This node as a member. It alone raises its incarnation, without a clock: whenever it hears something about itself
 * that is not so, and is as new as what it last said, it says the truth with the next higher incarnation. That covers
 * wrong suspicions, a death declared while it was away, and what its former runs said.
 */
export class Self {
  readonly id: NodeId;
  readonly #health: LocalHealth;
  readonly #effects: Effects;
  readonly #since: Millis;
  #address: string;
  #meta: Uint8Array;
  #incarnation: number;
  #left = false;
  /** What is shown of it; undefined after a change, until it is asked for. */
  #view: Member | undefined;
  /** When others claimed this id for another address; only the last CONFLICT_CLAIMS. */
  #foreignClaims: Millis[] = [];
  #lastForeignAnswer = -Infinity;

  constructor(options: SelfOptions, deps: { health: LocalHealth; effects: Effects; now: Millis }) {
    this.id = options.id;
    this.#address = options.address;
    this.#meta = options.meta.slice();
    this.#incarnation = options.incarnation;
    this.#health = deps.health;
    this.#effects = deps.effects;
    this.#since = deps.now;
  }

  get address(): string {
    return this.#address;
  }

  get left(): boolean {
    return this.#left;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The same object until something changes. */
  get view(): Member {
    return (this.#view ??= {
      id: this.id,
      address: this.#address,
      meta: this.#meta,
      state: this.#left ? "left" : "alive",
      incarnation: this.#incarnation,
      since: this.#since,
    });
  }

  /** What this node says about itself. */
  get claim(): AliveClaim | LeftClaim {
    const { id } = this;
    const incarnation = this.#incarnation;
    if (this.#left) return { kind: "left", id, incarnation };
    return { kind: "alive", id, incarnation, address: this.#address, meta: this.#meta };
  }

  /** Changes what this node says about itself. */
  describe(change: { address?: string; meta?: Uint8Array }): void {
    this.#address = change.address ?? this.#address;
    this.#meta = change.meta?.slice() ?? this.#meta;
    this.#raiseAbove(this.#incarnation);
  }

  leave(): void {
    this.#left = true;
    this.#view = undefined;
  }

  /** Hears what somebody says about this node. True when it has to be contradicted with `claim`, whose incarnation is new. */
  hear(claim: Claim, now: Millis): boolean {
    if (this.#left || claim.incarnation < this.#incarnation || claim.incarnation >= COUNTER_MAX) return false;
    if (claim.kind === "alive") {
      const own = { address: this.#address, meta: this.#meta };
      if (claim.incarnation === this.#incarnation && sameContent(claim, own)) return false;
      if (claim.address !== this.#address && !this.#mayAnswerForeign(claim.address, now)) return false;
    } else if (claim.kind !== "left") this.#health.change(1);
    this.#raiseAbove(claim.incarnation);
    return true;
  }

  /** One foreign address is what a former run left behind; when they keep coming, another node has this id. */
  #mayAnswerForeign(address: string, now: Millis): boolean {
    this.#foreignClaims = [...this.#foreignClaims, now].slice(-CONFLICT_CLAIMS);
    const first = this.#foreignClaims[0] ?? now;
    if (this.#foreignClaims.length >= CONFLICT_CLAIMS && now - first < CONFLICT_WINDOW_MS) {
      const text = `another node at ${address} uses this node's id ${this.id}; stop one of them and give it a new identity`;
      this.#effects.warn(`conflict ${this.id}`, text, now);
      if (now - this.#lastForeignAnswer < CONFLICT_PAUSE_MS) return false;
    }
    this.#lastForeignAnswer = now;
    return true;
  }

  #raiseAbove(incarnation: number): void {
    this.#incarnation = Math.min(COUNTER_MAX, incarnation + 1);
    this.#view = undefined;
  }
}
