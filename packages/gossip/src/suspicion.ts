import type { Millis, NodeId } from "@murmur/base";
import type { SwimConfig } from "./config.ts";

/** How long to suspect, fixed when the suspicion begins. */
export interface SuspicionTimes {
  readonly minMs: Millis;
  readonly maxMs: Millis;
  /** Confirmations that bring the time from `maxMs` down to `minMs`; 0 means `minMs` from the start. */
  readonly wanted: number;
}

/**
 * The times for a cluster with `liveMembers` (Lifeguard, section IV-B): min = α·max(1, log10 n)·interval, max = β·min.
 * Neither this node nor the accused can confirm, so at most n − 2 confirmations are wanted.
 */
export function suspicionTimes(config: SwimConfig, liveMembers: number): SuspicionTimes {
  const minMs = config.suspicionAlpha * Math.max(1, Math.log10(Math.max(1, liveMembers))) * config.probeIntervalMs;
  const wanted = Math.max(0, Math.min(config.suspicionConfirmations, liveMembers - 2));
  if (!config.lhaSuspicion) return { minMs, maxMs: minMs, wanted: 0 };
  return { minMs, maxMs: minMs * config.suspicionBeta, wanted };
}

/** max − (max − min)·log(c + 1)/log(k + 1) for c confirmations of k wanted: the first ones count most. */
export function suspicionTimeoutMs(times: SuspicionTimes, confirmations: number): Millis {
  if (times.wanted === 0) return times.minMs;
  const share = Math.log(confirmations + 1) / Math.log(times.wanted + 1);
  return Math.max(times.minMs, times.maxMs - share * (times.maxMs - times.minMs));
}

/** One running suspicion, of one incarnation of one member. When it is over by `deadline`, the member is dead. */
export class Suspicion {
  readonly incarnation: number;
  readonly #times: SuspicionTimes;
  /** Whose own probes failed. Invariant: at most `wanted` + 1, of whom the first confirms nothing. */
  readonly #accusers = new Set<NodeId>();
  #convicted = false;
  #startedAt: Millis;
  #notBefore: Millis;
  /** Kept, because it is asked for far more often than it changes: after every packet. */
  #deadline: Millis;

  /** Without an `accuser` it begins with hearsay: who accused the member first is not known here yet. */
  constructor(start: { incarnation: number; accuser: NodeId | undefined; times: SuspicionTimes; now: Millis }) {
    this.incarnation = start.incarnation;
    this.#times = start.times;
    if (start.accuser !== undefined) this.#accusers.add(start.accuser);
    this.#startedAt = start.now;
    this.#notBefore = start.now;
    this.#deadline = this.#deadlineNow();
  }

  /** Independent confirmations so far: accusers besides the first one. */
  get confirmations(): number {
    return Math.max(0, this.#accusers.size - 1);
  }

  /** Whether somebody has already declared the member dead. */
  get convicted(): boolean {
    return this.#convicted;
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  /** Counts an accuser, which may end the suspicion, but not before now. True when it was new and wanted: only then is the accusation worth passing on. */
  confirm(accuser: NodeId, now: Millis): boolean {
    if (this.#accusers.size > this.#times.wanted || this.#accusers.has(accuser)) return false;
    this.#accusers.add(accuser);
    this.#notBefore = Math.max(this.#notBefore, now);
    this.#deadline = this.#deadlineNow();
    return true;
  }

  /** Somebody declared the member dead: as good as all confirmations. True for the first time. */
  convict(now: Millis): boolean {
    if (this.#convicted) return false;
    this.#convicted = true;
    this.#notBefore = Math.max(this.#notBefore, now);
    this.#deadline = this.#deadlineNow();
    return true;
  }

  /** Takes a stall of this node off the time that ran, and lets nothing happen before `notBefore`. */
  postpone(stallMs: Millis, notBefore: Millis): void {
    this.#startedAt += stallMs;
    this.#notBefore = Math.max(this.#notBefore, notBefore);
    this.#deadline = this.#deadlineNow();
  }

  #deadlineNow(): Millis {
    const timeoutMs = this.#convicted ? this.#times.minMs : suspicionTimeoutMs(this.#times, this.confirmations);
    return Math.max(this.#notBefore, this.#startedAt + timeoutMs);
  }
}
