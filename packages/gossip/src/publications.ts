import { ClusterError, type Millis, type NodeId } from "@murmur/base";
import type { BroadcastQueue } from "./broadcast-queue.ts";
import type { SwimConfig } from "./config.ts";
import type { Effects } from "./effect.ts";
import { COUNTER_MAX, isWireText, KEY_LENGTH_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";
import { Origins } from "./origins.ts";
import type { Publication } from "./packet.ts";

/** Something to tell all members. */
export interface Announcement {
  /** What it is about: 1 to 128 printable ASCII characters. A newer one of the same key replaces the older. */
  readonly key: string;
  /** At most 512 opaque bytes. */
  readonly payload: Uint8Array;
  /** For how long it may spread; at most `publicationTtlMaxMs`. */
  readonly ttlMs: Millis;
}

/** No node publishes so often in its life; a higher number is an error, and following it could end the numbers. */
const SEQUENCE_BELIEVED_MAX = Math.floor(COUNTER_MAX / 2);

interface Held {
  readonly publication: Publication;
  /** When it stops to spread. */
  readonly expiresAt: Millis;
  /** When it is forgotten: long after any copy of it has expired. */
  readonly forgetAt: Millis;
}

export interface PublicationsDeps {
  config: SwimConfig;
  self: NodeId;
  queue: BroadcastQueue;
  effects: Effects;
}

/**
 * Facts published by members. Each is delivered once at every other node: what was seen is remembered for twice the
 * longest life. Order counts for each origin and key: a newer one may make an older one vanish undelivered.
 */
export class Publications {
  readonly #config: SwimConfig;
  readonly #self: NodeId;
  readonly #queue: BroadcastQueue;
  readonly #effects: Effects;
  /** By origin and key. Invariant: in order of `forgetAt`, because that is a fixed time after it was taken in. */
  readonly #held = new Map<string, Held>();
  readonly #origins: Origins;
  #nextSequence = 1;

  constructor(deps: PublicationsDeps) {
    this.#config = deps.config;
    this.#self = deps.self;
    this.#queue = deps.queue;
    this.#effects = deps.effects;
    this.#origins = new Origins(deps.config.publicationsMax);
  }

  get size(): number {
    return this.#held.size;
  }

  /** Publishes. Throws `invalid_argument` for what cannot be sent. */
  publish(announcement: Announcement, now: Millis): void {
    const { key, payload, ttlMs } = announcement;
    const ttlMaxMs = this.#config.publicationTtlMaxMs;
    if (!isWireText(key, KEY_LENGTH_MAX))
      throw invalid(`its key must be 1 to ${KEY_LENGTH_MAX} visible ASCII characters`);
    if (payload.length > PAYLOAD_BYTES_MAX) throw invalid(`its payload must be at most ${PAYLOAD_BYTES_MAX} bytes`);
    if (!(ttlMs >= 1 && ttlMs <= ttlMaxMs)) throw invalid(`its time to live must be 1 to ${ttlMaxMs} ms`);
    this.#issue({ key, payload: payload.slice(), ttlMs: Math.floor(ttlMs) }, now);
  }

  /** Takes in what came from `via`. Returns what `via` has to hear, when it is the origin and does not know its own past. */
  hear(publication: Publication, via: NodeId, now: Millis): Publication | undefined {
    if (publication.origin === this.#self) {
      this.catchUp(publication.sequence, now);
      return undefined;
    }
    const held = this.#held.get(keyOf(publication));
    const known = Math.max(held?.publication.sequence ?? 0, this.#origins.floor(publication.origin));
    if (publication.sequence <= known) {
      const outdated = held !== undefined && publication.sequence < known && via === publication.origin;
      return outdated ? { ...held.publication, ttlMs: 0 } : undefined;
    }
    const ttlMs = Math.min(publication.ttlMs, this.#config.publicationTtlMaxMs);
    if (ttlMs <= 0) return undefined;
    const { key, payload } = publication;
    this.#hold({ ...publication, ttlMs }, now);
    this.#queue.add({ ...publication, ttlMs }, now);
    this.#effects.push({ kind: "broadcast", origin: publication.origin, key, payload });
    return undefined;
  }

  /**
   * Others have seen this sequence number of this node. When this run has not given it out, a former one has: carry on
   * above it, and publish anew what may have been taken for old.
   */
  catchUp(sequence: number, now: Millis): void {
    if (sequence < this.#nextSequence || sequence > SEQUENCE_BELIEVED_MAX) return;
    this.#nextSequence = sequence + 1;
    for (const publication of this.living(now)) if (publication.origin === this.#self) this.#issue(publication, now);
  }

  /** The highest sequence number seen of an origin, 0 for none. */
  highest(origin: NodeId): number {
    return this.#origins.highest(origin);
  }

  /** What still spreads, for a state exchange. */
  living(now: Millis): readonly Publication[] {
    const living: Publication[] = [];
    for (const { publication, expiresAt } of this.#held.values()) {
      const ttlMs = Math.floor(expiresAt - now);
      if (ttlMs > 0) living.push({ ...publication, ttlMs });
    }
    return living;
  }

  /** Forgets what is older than any copy can be. */
  expire(now: Millis): void {
    for (const [key, held] of this.#held) {
      if (held.forgetAt > now) break;
      this.#forget(key, held);
    }
    this.#origins.prune(now);
  }

  #issue(announcement: Announcement, now: Millis): void {
    const publication = {
      kind: "publication",
      origin: this.#self,
      sequence: this.#nextSequence,
      ...pick(announcement),
    } as const;
    this.#nextSequence += 1;
    this.#hold(publication, now);
    this.#queue.add(publication, now);
  }

  #hold(publication: Publication, now: Millis): void {
    const key = keyOf(publication);
    const older = this.#held.get(key);
    if (older !== undefined) this.#forget(key, older);
    else if (this.#held.size >= this.#config.publicationsMax) this.#evictOldest();
    const forgetAt = now + 2 * this.#config.publicationTtlMaxMs;
    this.#held.set(key, { publication, expiresAt: now + publication.ttlMs, forgetAt });
    this.#origins.hold(publication.origin, publication.sequence);
  }

  #evictOldest(): void {
    const [entry] = this.#held;
    if (entry === undefined) return;
    const [key, held] = entry;
    this.#origins.raiseFloor(held.publication.origin, held.publication.sequence, held.forgetAt);
    this.#forget(key, held);
  }

  #forget(key: string, held: Held): void {
    this.#held.delete(key);
    this.#origins.release(held.publication.origin);
  }
}

const pick = ({ key, payload, ttlMs }: Announcement): Announcement => ({ key, payload, ttlMs });
const keyOf = ({ origin, key }: Publication): string => `${origin} ${key}`;
const invalid = (why: string): ClusterError => new ClusterError("invalid_argument", `cannot publish: ${why}`);
