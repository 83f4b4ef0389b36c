import { abortReason } from "./abort-reason.ts";

/** Wakes everybody who waits for a change. */
export class ChangeBell {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next ring; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.delete(wake);
        reject(abortReason(signal));
      };
      if (signal.aborted) return onAbort();
      this.#waiting.add(wake);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  ring(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
