import { payloadKey, type AssignedPayload, type PayloadMessage } from "@murmur/model";

/** Characters of payloads in one message, about; a session's other messages go between two. A larger payload goes alone. */
const PART_CHARS_MAX = 512 * 1024;

/** What a node's tasks use at the moment, by `payloadKey`; each is opened only when it is sent. */
export type NeededPayloads = ReadonlyMap<string, () => AssignedPayload | undefined>;

/**
 * Keeps one agent's secrets and configs at what its tasks use: compares what is needed with what was sent, whenever
 * something may have changed. Invariant: what was sent and not taken away is what the agent has once it has read all.
 */
export class PayloadFeed {
  readonly #needed: () => NeededPayloads;
  readonly #sent = new Set<string>();
  /** Sent, and not what it was. */
  readonly #stale = new Set<string>();
  #due = true;
  /** The agent is to forget what it has; said with the next message. */
  #isFirst = true;
  /** In this session, so that there may be something to forget. */
  #hasSent = false;

  constructor(needed: () => NeededPayloads) {
    this.#needed = needed;
  }

  /** Something may be needed that wasn't, or the other way round. */
  changed(): void {
    this.#due = true;
  }

  /** What it holds has changed. Invariant: as long as the agent may have the old one, it counts as sent, or is sent again. */
  renewed(key: string): void {
    this.#stale.add(key);
    this.#due = true;
  }

  has(key: string): boolean {
    return this.#sent.has(key);
  }

  /** All is to be sent anew. */
  startOver(): void {
    this.#sent.clear();
    this.#stale.clear();
    this.#due = true;
    this.#isFirst = true;
  }

  /** The next message, as long as there is something to tell. */
  next(): PayloadMessage | undefined {
    if (!this.#due) return undefined;
    const needed = this.#needed();
    const removed = [...this.#sent].filter((key) => !needed.has(key));
    for (const key of [...removed, ...this.#stale]) this.#sent.delete(key);
    this.#stale.clear();
    const put = this.#nextPart(needed);
    const mustForget = this.#isFirst && this.#hasSent;
    if (put.length === 0 && removed.length === 0 && !mustForget) {
      this.#due = false;
      return undefined;
    }
    const message: PayloadMessage = { kind: "payloads", isFirst: this.#isFirst, put, removed };
    this.#isFirst = false;
    this.#hasSent = true;
    return message;
  }

  #nextPart(needed: NeededPayloads): readonly AssignedPayload[] {
    const put: AssignedPayload[] = [];
    let chars = 0;
    for (const [key, open] of needed) {
      if (this.#sent.has(key)) continue;
      const payload = open();
      if (payload === undefined) continue;
      if (put.length > 0 && chars + payload.data.length > PART_CHARS_MAX) break;
      chars += payload.data.length;
      put.push(payload);
      this.#sent.add(payloadKey(payload));
    }
    return put;
  }
}
