import type { Millis, NodeId } from "@murmur/base";
import type { Rumor } from "./packet.ts";
import { rumorBytes } from "./rumor-codec.ts";

interface Item {
  readonly key: string;
  readonly rumor: Rumor;
  readonly bytes: number;
  /** When a publication's life ends. */
  readonly expiresAt: Millis;
  /** Index of the bucket that holds it, which is how often it was sent. */
  sent: number;
}

export interface TakeOptions {
  bytesMax: number;
  /** A rumour that was sent so often is dropped. */
  sentMax: number;
  now: Millis;
}

/**
 * The rumours that wait to ride on packets. The least sent go first, and of those the newest: in a burst, fresh news
 * are never stuck behind old ones. News about a member replace what they outdate.
 */
export class BroadcastQueue {
  readonly #limit: number;
  readonly #items = new Map<string, Item>();
  /** Items by how often they were sent, in order of insertion. */
  readonly #buckets: Map<string, Item>[] = [];
  /** Keys of the suspicions that wait, by the suspected member. */
  readonly #accusations = new Map<NodeId, Set<string>>();
  #dropped = 0;

  /** `limit`: the most rumours that wait; when full, the most often sent one makes room. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Rumours lost to the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  has(rumor: Rumor): boolean {
    return this.#items.has(keyOf(rumor));
  }

  /**
   * Adds a rumour, to be sent from `now` on. Alive, dead and left replace all that waits about their member; a suspicion
   * replaces its accuser's only, because each accuser counts; a publication replaces the older one of its key.
   */
  add(rumor: Rumor, now: Millis): void {
    const key = keyOf(rumor);
    if (rumor.kind !== "publication" && rumor.kind !== "suspect") {
      for (const accusation of this.#accusations.get(rumor.id) ?? []) this.#remove(accusation);
    }
    this.#remove(key);
    if (this.#items.size >= this.#limit) this.#makeRoom();
    const expiresAt = rumor.kind === "publication" ? now + rumor.ttlMs : Infinity;
    const item = { key, rumor, bytes: rumorBytes(rumor), expiresAt, sent: 0 };
    this.#items.set(key, item);
    this.#bucket(0).set(key, item);
    if (rumor.kind === "suspect") {
      const keys = this.#accusations.get(rumor.id);
      if (keys === undefined) this.#accusations.set(rumor.id, new Set([key]));
      else keys.add(key);
    }
  }

  /** Drops all accusations: suspicions and deaths. */
  dropAccusations(): void {
    for (const { key, rumor } of this.#items.values()) {
      if (rumor.kind === "suspect" || rumor.kind === "dead") this.#remove(key);
    }
  }

  /** Takes rumours for one packet, and counts them as sent once more. */
  take({ bytesMax, sentMax, now }: TakeOptions): Rumor[] {
    let room = bytesMax;
    const taken: Item[] = [];
    for (const bucket of this.#buckets) {
      if (bucket.size === 0) continue;
      if (room < SMALLEST_RUMOR_BYTES) break;
      for (const item of [...bucket.values()].toReversed()) {
        if (room < SMALLEST_RUMOR_BYTES) break;
        if (item.expiresAt <= now) this.#remove(item.key);
        else if (item.bytes <= room) {
          room -= item.bytes;
          taken.push(item);
        }
      }
    }
    for (const item of taken) this.#countSent(item, sentMax);
    return taken.map((item) => aged(item, now));
  }

  #countSent(item: Item, sentMax: number): void {
    if (item.sent + 1 >= sentMax) return this.#remove(item.key);
    this.#bucket(item.sent).delete(item.key);
    item.sent += 1;
    this.#bucket(item.sent).set(item.key, item);
  }

  #makeRoom(): void {
    const fullest = this.#buckets.findLast((bucket) => bucket.size > 0);
    const [oldest] = fullest?.keys() ?? [];
    if (oldest === undefined) return;
    this.#dropped += 1;
    this.#remove(oldest);
  }

  #remove(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    this.#items.delete(key);
    this.#bucket(item.sent).delete(key);
    if (item.rumor.kind !== "suspect") return;
    const keys = this.#accusations.get(item.rumor.id);
    keys?.delete(key);
    if (keys?.size === 0) this.#accusations.delete(item.rumor.id);
  }

  #bucket(sent: number): Map<string, Item> {
    while (this.#buckets.length <= sent) this.#buckets.push(new Map());
    return this.#buckets[sent] ?? new Map();
  }
}

/** A left claim about a member with an id of one character: tag, length, id, incarnation. */
const SMALLEST_RUMOR_BYTES = 4;

/** What a rumour replaces. Ids and keys hold no spaces. */
function keyOf(rumor: Rumor): string {
  if (rumor.kind === "publication") return `publication ${rumor.origin} ${rumor.key}`;
  if (rumor.kind === "suspect") return `suspect ${rumor.id} ${rumor.from}`;
  return `member ${rumor.id}`;
}

function aged(item: Item, now: Millis): Rumor {
  return item.rumor.kind === "publication" ? { ...item.rumor, ttlMs: Math.floor(item.expiresAt - now) } : item.rumor;
}
