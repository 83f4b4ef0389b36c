import type { Clock, Timer } from "@murmur/base";
import type { Display } from "./display.ts";
import { judge, type Baseline, type Judgement } from "./judge.ts";
import type { Picture } from "./picture.ts";

/** A service has converged when it has been so for this long. */
export const STABLE_MS = 1_000;
/** What ended and isn't replaced for this long won't be. */
export const STUCK_MS = 3_000;
/** A global service without any task for this long has no node. */
export const NO_NODE_MS = 5_000;

export type Outcome =
  | { readonly kind: "converged"; readonly note?: string }
  | { readonly kind: "failed"; readonly reasons: readonly string[] }
  | { readonly kind: "interrupted" };

/**
 * Shows a service's progress until the outcome is clear: converged and so for `STABLE_MS`, failed, or stuck for
 * `STUCK_MS`. Ends early when the signal is aborted. Rejects with what the pictures' source rejects with.
 */
export function waitForService(
  pictures: AsyncIterable<Picture>,
  how: { readonly baseline: Baseline; readonly display: Display; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Outcome> {
  const { display, clock, signal } = how;
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined;
    let waitsFor = "";
    const end = (outcome: Outcome): void => {
      timer?.cancel();
      resolve(outcome);
    };
    signal.addEventListener("abort", () => end({ kind: "interrupted" }), { once: true });
    const consider = (judgement: Judgement): void => {
      const { verdict } = judgement;
      if (verdict.kind === "failed") return end({ kind: "failed", reasons: verdict.reasons });
      const pending = pendingOf(judgement);
      const key = pending === undefined ? "" : pending.key;
      if (key === waitsFor) return;
      waitsFor = key;
      timer?.cancel();
      timer = pending === undefined ? undefined : clock.setTimer(pending.delayMs, () => end(pending.outcome));
    };
    const follow = async (): Promise<void> => {
      for await (const picture of pictures) {
        const judgement = judge(picture, how.baseline);
        display.show(judgement);
        consider(judgement);
      }
      end({ kind: "interrupted" });
    };
    follow().catch((error: unknown) => {
      timer?.cancel();
      reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

interface Pending {
  /** While it stays the same the time runs on. */
  readonly key: string;
  readonly delayMs: number;
  readonly outcome: Outcome;
}

function pendingOf({ verdict, total }: Judgement): Pending | undefined {
  switch (verdict.kind) {
    case "converged":
      return { key: "converged", delayMs: STABLE_MS, outcome: { kind: "converged" } };
    case "stuck": {
      const { reasons } = verdict;
      return { key: `stuck ${reasons.join(" ")}`, delayMs: STUCK_MS, outcome: { kind: "failed", reasons } };
    }
    case "converging": {
      if (total > 0) return undefined;
      const note = "no node meets the service's constraints";
      return { key: "no node", delayMs: NO_NODE_MS, outcome: { kind: "converged", note } };
    }
    case "failed":
      return undefined;
  }
}
