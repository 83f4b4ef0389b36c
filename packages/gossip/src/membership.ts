import type { Millis, NodeId } from "@murmur/base";
import { AddressBook } from "./address-book.ts";
import type { BroadcastQueue } from "./broadcast-queue.ts";
import { changesBetween } from "./change.ts";
import type { Claim, DeadClaim } from "./claim.ts";
import type { SwimConfig } from "./config.ts";
import type { Effects } from "./effect.ts";
import { isLive, merged, viewOf, type Member, type MemberRecord } from "./member.ts";
import type { ProbeOrder } from "./probe-order.ts";
import type { Roster } from "./roster.ts";
import type { Self } from "./self.ts";
import { Suspicion, suspicionTimes } from "./suspicion.ts";

export interface MembershipDeps {
  config: SwimConfig;
  self: Self;
  roster: Roster;
  order: ProbeOrder;
  queue: BroadcastQueue;
  effects: Effects;
}

export interface Hearsay {
  now: Millis;
  /** Not to be passed on: news to this node only, because it has just come. */
  quiet?: boolean;
  /** For how long the claim has been true. */
  ageMs?: Millis;
  /** Who says so may have been told itself: a suspicion begins, but none is confirmed. Goes with `quiet`. */
  secondhand?: boolean;
}

/** The rules of membership: takes claims in, keeps suspicions, reports changes and passes news on. */
export class Membership {
  readonly #config: SwimConfig;
  readonly #self: Self;
  readonly #roster: Roster;
  readonly #order: ProbeOrder;
  readonly #queue: BroadcastQueue;
  readonly #effects: Effects;
  readonly #addresses = new AddressBook();
  /** Invariant: has an entry exactly for the members of the roster whose state is suspect. */
  readonly #suspicions = new Map<NodeId, Suspicion>();

  constructor(deps: MembershipDeps) {
    this.#config = deps.config;
    this.#self = deps.self;
    this.#roster = deps.roster;
    this.#order = deps.order;
    this.#queue = deps.queue;
    this.#effects = deps.effects;
  }

  get selfId(): NodeId {
    return this.#self.id;
  }

  /** Live members, this node included: the n of all formulas. */
  get live(): number {
    return this.#roster.live + 1;
  }

  /** When the next suspicion is over. */
  get deadline(): Millis {
    let earliest = Infinity;
    for (const suspicion of this.#suspicions.values()) earliest = Math.min(earliest, suspicion.deadline);
    return earliest;
  }

  /** Takes in what somebody said about a member. True when it was news. */
  hear(claim: Claim, hearsay: Hearsay): boolean {
    if (claim.id === this.#self.id) return this.#hearAboutSelf(claim, hearsay.now);
    if (claim.kind === "dead" && this.#config.doubtDeaths) return this.#hearOfDeath(claim, hearsay);
    return this.#take(claim, hearsay);
  }

  /**
   * The death of one who lives here is not believed at once: it confirms the suspicion in full, or starts one. When the
   * death is real, the suspicion is about as old here as with the one who declared it. When the other was wrong,
   * because it was cut off or stopped, the accused has the shortest suspicion time to say so.
   */
  #hearOfDeath(claim: DeadClaim, hearsay: Hearsay): boolean {
    const known = this.#roster.get(claim.id);
    if (known?.content === undefined || !isLive(known.status.state)) return this.#take(claim, hearsay);
    this.#take({ ...claim, kind: "suspect" }, { ...hearsay, quiet: true });
    const suspicion = this.#suspicions.get(claim.id);
    if (suspicion?.incarnation !== claim.incarnation || !suspicion.convict(hearsay.now)) return false;
    if (hearsay.quiet !== true) this.#queue.add(claim, hearsay.now);
    return true;
  }

  /** Takes a claim at its word. */
  #take(claim: Claim, hearsay: Hearsay): boolean {
    const before = this.#roster.get(claim.id);
    if (claim.kind === "suspect" && before?.content === undefined) return false;
    if (before === undefined && !this.#admit(claim, hearsay.now)) return false;
    const after = merged(before, claim, hearsay.now - (hearsay.ageMs ?? 0));
    const confirmed = this.#keepSuspicion(after, claim, hearsay);
    if (before !== undefined && !isNews(before, after) && !confirmed) return false;
    this.#roster.put(after);
    if (hearsay.quiet !== true) this.#queue.add(claim, hearsay.now);
    // A node that has lost sight of everybody was most likely cut off itself: what it believes of others meanwhile must
    // not spread once it is back. Exchanges then find out who is dead.
    if (this.#roster.live === 0) this.#queue.dropAccusations();
    this.#report(before, after, hearsay.now);
    return true;
  }

  /** Declares dead whose suspicion is over. */
  tick(now: Millis): void {
    for (const [id, { deadline, incarnation, convicted }] of this.#suspicions) {
      if (deadline > now) continue;
      // A death that was heard of has been passed on already.
      this.#take({ kind: "dead", id, incarnation, from: this.#self.id }, { now, quiet: convicted });
    }
  }

  /** Forgets who has been gone for long enough. */
  reclaim(now: Millis): void {
    for (const record of this.#roster.goneFor(this.#config.reclaimMs, now)) this.#forget(record);
  }

  /** Gives the suspected as much time as this node lost by a stall, and at least until `notBefore`. */
  postponeSuspicions(stallMs: Millis, notBefore: Millis): void {
    for (const suspicion of this.#suspicions.values()) suspicion.postpone(stallMs, notBefore);
  }

  /** What a member must be told in a packet to it: that it is held dead, or, by Lifeguard's Buddy, suspected. */
  accusationAgainst(id: NodeId): Claim | undefined {
    const status = this.#roster.get(id)?.status;
    if (status === undefined) return undefined;
    const about = { id, incarnation: status.incarnation, from: this.#self.id };
    if (status.state === "suspect" && this.#config.buddy) return { kind: "suspect", ...about };
    if (status.state === "dead") return { kind: "dead", ...about };
    return status.state === "left" ? { kind: "left", id, incarnation: status.incarnation } : undefined;
  }

  #hearAboutSelf(claim: Claim, now: Millis): boolean {
    const wrong = this.#self.hear(claim, now);
    if (wrong) this.#queue.add(this.#self.claim, now);
    return wrong;
  }

  /** Starts, confirms or ends the suspicion of a member. True when the claim confirmed one. */
  #keepSuspicion(record: MemberRecord, claim: Claim, { now, secondhand }: Hearsay): boolean {
    if (record.status.state !== "suspect") {
      this.#suspicions.delete(record.id);
      return false;
    }
    const running = this.#suspicions.get(record.id);
    if (claim.kind !== "suspect" || claim.incarnation !== record.status.incarnation) return false;
    const accuser = secondhand === true ? undefined : claim.from;
    const { incarnation } = claim;
    if (running?.incarnation === incarnation) return accuser !== undefined && running.confirm(accuser, now);
    const times = suspicionTimes(this.#config, this.live);
    this.#suspicions.set(record.id, new Suspicion({ incarnation, accuser, times, now }));
    return false;
  }

  /** Whether there is room for one more. The living displace the longest gone; the gone displace nobody. */
  #admit(claim: Claim, now: Millis): boolean {
    if (!this.#roster.full) return true;
    if (claim.kind !== "alive") return false;
    const longestGone = this.#roster.longestGone();
    if (longestGone !== undefined) {
      this.#forget(longestGone);
      return true;
    }
    const text = `gossip knows ${this.#roster.size} members, its limit; ${claim.id} is ignored until one is forgotten`;
    this.#effects.warn("members full", text, now);
    return false;
  }

  #forget(record: MemberRecord): void {
    this.#roster.remove(record.id);
    const member = viewOf(record);
    if (member !== undefined) this.#effects.push({ kind: "member", change: "forgotten", member });
  }

  #report(before: MemberRecord | undefined, after: MemberRecord, now: Millis): void {
    const member = viewOf(after);
    if (member === undefined) return;
    const known = viewOf(before);
    if (isLive(member.state)) this.#order.add(member.id);
    for (const change of changesBetween(known, member)) this.#effects.push({ kind: "member", change, member });
    if (known !== undefined && known.address !== member.address) this.#noteMove(known, member, now);
  }

  #noteMove(known: Member, member: Member, now: Millis): void {
    const move = { from: known.address, to: member.address };
    if (!this.#addresses.moved(member.id, move, now)) return;
    const text = `two nodes use the id ${member.id}, at ${move.from} and at ${move.to}; stop one of them`;
    this.#effects.warn(`conflict ${member.id}`, text, now);
  }
}

function isNews(before: MemberRecord, after: MemberRecord): boolean {
  const { status, content } = before;
  if (status.state !== after.status.state || status.incarnation !== after.status.incarnation) return true;
  return content !== after.content;
}
