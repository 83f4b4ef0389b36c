/**
 * Abort signals are part of every JavaScript runtime and neither clock nor I/O, but TypeScript's "esnext" library
 * does not list them. Only the check of the pure packages reads this file; everywhere else Node's own types serve.
 */
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
declare const AbortController: { new (): AbortController };
