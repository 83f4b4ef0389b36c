import { shuffled, type Millis, type NodeId, type Random } from "@murmur/base";
import { isLive, viewOf, type Member, type MemberRecord } from "./member.ts";

/** The records of all members but this node itself. Holds them, counts them, samples them; decides nothing. */
export class Roster {
  readonly #random: Random;
  readonly #limit: number;
  readonly #records = new Map<NodeId, MemberRecord>();
  /** The ids of #records, for choosing at random. Invariant: #ids[#places.get(id)] === id. */
  readonly #ids: NodeId[] = [];
  readonly #places = new Map<NodeId, number>();
  /** Members that are dead or have left. */
  readonly #gone = new Set<NodeId>();
  /** What is shown of the records; undefined after a change, until it is asked for. */
  #views: readonly Member[] | undefined;

  constructor(limit: number, random: Random) {
    this.#limit = limit;
    this.#random = random;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Members that are alive or suspected. */
  get live(): number {
    return this.#records.size - this.#gone.size;
  }

  /** Members that are dead or have left. */
  get gone(): readonly MemberRecord[] {
    return [...this.#gone].flatMap((id) => this.#records.get(id) ?? []);
  }

  get full(): boolean {
    return this.#records.size >= this.#limit;
  }

  get(id: NodeId): MemberRecord | undefined {
    return this.#records.get(id);
  }

  records(): readonly MemberRecord[] {
    return [...this.#records.values()];
  }

  view(id: NodeId): Member | undefined {
    return viewOf(this.#records.get(id));
  }

  /** The same list until something changes. */
  views(): readonly Member[] {
    return (this.#views ??= [...this.#records.values()].flatMap((record) => viewOf(record) ?? []));
  }

  put(record: MemberRecord): void {
    this.#views = undefined;
    if (!this.#records.has(record.id)) {
      this.#places.set(record.id, this.#ids.length);
      this.#ids.push(record.id);
    }
    this.#records.set(record.id, record);
    if (isLive(record.status.state)) this.#gone.delete(record.id);
    else this.#gone.add(record.id);
  }

  remove(id: NodeId): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#views = undefined;
    const last = this.#ids.pop();
    if (last !== undefined && last !== id) {
      this.#ids[place] = last;
      this.#places.set(last, place);
    }
    this.#places.delete(id);
    this.#records.delete(id);
    this.#gone.delete(id);
  }

  /** Who has been gone for longest. */
  longestGone(): MemberRecord | undefined {
    let longest: MemberRecord | undefined;
    for (const record of this.gone) if (longest === undefined || record.since < longest.since) longest = record;
    return longest;
  }

  /** Up to `count` different members that can be shown and that `accept` takes, chosen at random. */
  sample(count: number, accept: (member: Member) => boolean): readonly Member[] {
    const chosen = new Map<NodeId, Member>();
    // Guessing is cheap while most members fit; when it does not find enough, all are looked at.
    for (let guess = 0; guess < 4 * count && chosen.size < count && this.size > 4 * count; guess += 1) {
      const id = this.#ids[this.#random.below(this.#ids.length)];
      const member = id === undefined ? undefined : this.view(id);
      if (member !== undefined && accept(member)) chosen.set(member.id, member);
    }
    if (chosen.size === count) return [...chosen.values()];
    return shuffled(this.views().filter(accept), this.#random).slice(0, count);
  }

  /** Members that have been gone for `ageMs` or longer. */
  goneFor(ageMs: Millis, now: Millis): readonly MemberRecord[] {
    return this.gone.filter((record) => now - record.since >= ageMs);
  }
}
