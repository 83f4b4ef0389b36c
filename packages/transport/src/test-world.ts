import type { Millis, NodeId } from "@murmur/base";
import { nodeId } from "@murmur/base";
import type { TransportLimits } from "./limits.ts";
import type { PeerTransport } from "./peer-transport.ts";

export const NAMES = ["alpha", "bravo", "charlie"] as const;
export type Name = (typeof NAMES)[number];

/** The ids that the test certificates name. */
export const IDS: Readonly<Record<Name, NodeId>> = {
  alpha: nodeId("alpha00000000000000000000"),
  bravo: nodeId("bravo00000000000000000000"),
  charlie: nodeId("charlie000000000000000000"),
};

export interface OpenChanges {
  readonly limits?: Partial<TransportLimits>;
  readonly software?: string;
  readonly protocol?: { readonly min: number; readonly max: number };
}

/** Three hosts with a network between them, real or simulated; what the contract suite runs in. */
export interface TestWorld extends AsyncDisposable {
  open(name: Name, changes?: OpenChanges): Promise<PeerTransport>;
  /** Lets time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds. */
  until(condition: () => boolean): Promise<void>;
  pass(ms: Millis): Promise<void>;
  /** Where others find a node from now on; for addresses that are out of date. */
  move(name: Name, toAddressOf: Name): void;
  /** Resets all connections of a node, as the kernel does for a killed process. */
  reset(name: Name): void;
  /** Lets nothing through between two nodes, silently. */
  cut(a: Name, b: Name): void;
  heal(a: Name, b: Name): void;
  join(to: Name, method: string, body: unknown): Promise<unknown>;
}

/** Waits until a promise has settled, and remembers how; its rejection is never unhandled. */
export function watch<T>(promise: Promise<T>): { readonly settled: boolean; readonly promise: Promise<T> } {
  const state = { settled: false, promise };
  const markSettled = (): void => void (state.settled = true);
  promise.then(markSettled, markSettled);
  return state;
}

/** Longer than a busy machine keeps a test waiting, and shorter than vitest waits, which can't say for what. */
const UNTIL_MS = 45_000;

/** Waits in real time until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + UNTIL_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
