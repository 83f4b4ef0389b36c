import { abortReason } from "./abort-reason.ts";

/** The read barriers that wait for raft's answer. Bounded by raft, which refuses what is too much for it. */
export class PendingReads {
  readonly #waiting = new Map<number, (index: number | undefined) => void>();
  #next = 1;

  /**
   * Asks through `ask`, which is given the request's number. Resolves with the index that a linearizable read has to
   * reach, with undefined when it was not confirmed and may be asked again; rejects when the signal is aborted.
   */
  ask(ask: (requestId: number) => void, signal: AbortSignal): Promise<number | undefined> {
    const requestId = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(requestId);
        reject(abortReason(signal));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(requestId, (index) => {
        signal.removeEventListener("abort", onAbort);
        resolve(index);
      });
      ask(requestId);
    });
  }

  /** Raft's answer; one to a request that nobody waits for any more is ignored. */
  answer(requestId: number, index: number | undefined): void {
    const settle = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    settle?.(index);
  }
}
