import type { Millis, NodeId } from "@murmur/base";
import type { AliveClaim } from "./claim.ts";
import type { SwimConfig } from "./config.ts";
import type { Courier } from "./courier.ts";
import type { Effects } from "./effect.ts";
import { exchangeHeaderBytes, publicationBytes, snapshotBytes } from "./exchange-codec.ts";
import type { Exchange, Snapshot } from "./exchange.ts";
import { isLive, type MemberRecord } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { Publication } from "./packet.ts";
import type { Publications } from "./publications.ts";
import type { Roster } from "./roster.ts";
import type { Self } from "./self.ts";

export interface StateExchangeDeps {
  config: SwimConfig;
  self: Self;
  roster: Roster;
  membership: Membership;
  publications: Publications;
  courier: Courier;
  effects: Effects;
}

/** Whom an exchange is with; only the address is known of one that this node joins by. */
interface Addressee {
  readonly address: string;
  readonly id: NodeId | undefined;
}

/** Where a snapshot comes from. */
interface Source {
  readonly peer: NodeId;
  /** What is learnt is not to be passed on. */
  readonly quiet: boolean;
  readonly now: Millis;
}

/** Produces and merges full states, in messages of bounded size. */
export class StateExchange {
  readonly #deps: StateExchangeDeps;

  constructor(deps: StateExchangeDeps) {
    this.#deps = deps;
  }

  /** Sends all that this node knows to a member, of which only the address may be known, and asks for as much. */
  request(to: Addressee, now: Millis): void {
    this.#send(to, { kind: "request", joining: this.#deps.roster.live === 0 }, now);
  }

  /** Merges a message, and answers when it was the last of a request. True when it brought news. */
  hear(exchange: Exchange, now: Millis): boolean {
    const { self, publications } = this.#deps;
    if (exchange.from === self.id) return false;
    const quiet = exchange.kind === "reply" && exchange.joining;
    let news = false;
    for (const snapshot of exchange.members) {
      if (this.#merge(snapshot, { peer: exchange.from, quiet, now })) news = true;
    }
    for (const publication of exchange.publications) publications.hear(publication, exchange.from, now);
    if (exchange.kind === "request" && exchange.last) {
      const to = { address: exchange.address, id: exchange.from };
      this.#send(to, { kind: "reply", joining: exchange.joining }, now);
    }
    return news;
  }

  /** True when it brought news. */
  #merge(snapshot: Snapshot, source: Source): boolean {
    if (snapshot.id === this.#deps.self.id) return this.#mergeSelf(snapshot, source);
    if (isLive(snapshot.state)) return this.#mergeLive(snapshot, source);
    return snapshot.ageMs < this.#deps.config.reclaimMs && this.#mergeGone(snapshot, source);
  }

  #mergeSelf(snapshot: Snapshot, { peer, now }: Source): boolean {
    const { membership, publications } = this.#deps;
    const { id, incarnation, state } = snapshot;
    publications.catchUp(snapshot.published, now);
    const past = membership.hear(contentClaim(snapshot), { now });
    if (state === "alive") return past;
    const claim =
      state === "left" ? ({ kind: state, id, incarnation } as const) : { kind: state, id, incarnation, from: peer };
    return membership.hear(claim, { now }) || past;
  }

  #mergeLive(snapshot: Snapshot, source: Source): boolean {
    const { quiet, now } = source;
    const news = this.#deps.membership.hear(contentClaim(snapshot), { now, quiet });
    if (snapshot.state !== "suspect") return news;
    return this.#suspectToo(snapshot, source) || news;
  }

  /**
   * The peer may suspect a member because others do, so what it believes confirms no suspicion and is not passed on: whose
   * own probe has failed says so by gossip, under its own name. Confirmations are to be independent (Lifeguard, IV-B).
   */
  #suspectToo({ id, incarnation }: Snapshot, { peer, now }: Source): boolean {
    const claim = { kind: "suspect", id, incarnation, from: peer } as const;
    return this.#deps.membership.hear(claim, { now, quiet: true, secondhand: true });
  }

  #mergeGone(snapshot: Snapshot, source: Source): boolean {
    const { membership, roster } = this.#deps;
    const { peer, quiet, now } = source;
    const { id, incarnation } = snapshot;
    const known = roster.get(id)?.status;
    if (snapshot.state === "dead" && known !== undefined && isLive(known.state) && known.incarnation <= incarnation) {
      return this.#doubt(snapshot, source);
    }
    const hearsay = { now, quiet, ageMs: snapshot.ageMs };
    // First the state, then who it was: the memory of the gone must not look like an arrival.
    const left = snapshot.state === "left";
    const news = membership.hear(
      left ? { kind: "left", id, incarnation } : { kind: "dead", id, incarnation, from: peer },
      hearsay,
    );
    // Without room for the memory there must be no arrival either.
    if (roster.get(id) === undefined) return false;
    return membership.hear(contentClaim(snapshot), hearsay) || news;
  }

  /**
   * The death of somebody who lives here, told by a peer that may have been cut off, is a suspicion only. The accused is
   * told at once: if it lives it refutes on both sides, and two halves of a cluster become one again.
   */
  #doubt(snapshot: Snapshot, source: Source): boolean {
    const { membership, roster, courier } = this.#deps;
    const { peer, quiet, now } = source;
    const { id, incarnation } = snapshot;
    membership.hear(contentClaim(snapshot), { now, quiet });
    this.#suspectToo(snapshot, source);
    const member = roster.view(id);
    const death = { kind: "dead", id, incarnation, from: peer } as const;
    if (member?.state === "suspect") courier.send(member, { kind: "gossip" }, now, [death]);
    return true;
  }

  #send({ address, id }: Addressee, header: Pick<Exchange, "kind" | "joining">, now: Millis): void {
    const parts = this.#parts(header, now);
    for (const exchange of parts) this.#deps.effects.push({ kind: "pushPull", to: address, nodeId: id, exchange });
  }

  /** The whole state, cut into messages of at most `exchangeBytesMax`. */
  #parts(header: Pick<Exchange, "kind" | "joining">, now: Millis): readonly Exchange[] {
    const { config, self, publications } = this.#deps;
    const empty = { ...header, from: self.id, address: self.address, last: false, members: [], publications: [] };
    const roomMax = config.exchangeBytesMax - exchangeHeaderBytes(empty);
    const parts: { members: Snapshot[]; publications: Publication[] }[] = [];
    let room = -1;
    const partFor = (bytes: number) => {
      const last = parts.at(-1);
      if (last !== undefined && bytes <= room) {
        room -= bytes;
        return last;
      }
      const part = { members: [], publications: [] };
      parts.push(part);
      room = roomMax - bytes;
      return part;
    };
    for (const snapshot of this.#snapshots(now)) partFor(snapshotBytes(snapshot)).members.push(snapshot);
    for (const living of publications.living(now)) partFor(publicationBytes(living)).publications.push(living);
    return parts.map((part, index) => ({ ...empty, ...part, last: index === parts.length - 1 }));
  }

  /** This node first, so that even a lone first message introduces it. */
  #snapshots(now: Millis): readonly Snapshot[] {
    const { self, roster, publications } = this.#deps;
    const { id, state, incarnation, address, meta } = self.view;
    const published = publications.highest(id);
    const own = { id, state, incarnation, address, meta, contentIncarnation: incarnation, ageMs: 0, published };
    return [own, ...roster.records().flatMap((record) => snapshotOf(record, publications.highest(record.id), now))];
  }
}

/** Empty for a tombstone without content: nobody could make use of it. */
function snapshotOf(record: MemberRecord, published: number, now: Millis): readonly Snapshot[] {
  if (record.content === undefined) return [];
  const { state, incarnation } = record.status;
  const { address, meta, incarnation: contentIncarnation } = record.content;
  const ageMs = Math.max(0, Math.floor(now - record.since));
  return [{ id: record.id, state, incarnation, address, meta, contentIncarnation, ageMs, published }];
}

/** What a snapshot's member said about itself. */
function contentClaim({ id, address, meta, contentIncarnation }: Snapshot): AliveClaim {
  return { kind: "alive", id, incarnation: contentIncarnation, address, meta };
}
