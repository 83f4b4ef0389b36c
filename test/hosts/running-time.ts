const TICK_MS = 100;

/**
 * Aborts once this machine has run for so long, in milliseconds: whatever time it stands still, a tenth of a second of it
 * counts. So a limit may be as short as what is tested has to be, on a machine that is held up, too.
 */
export function afterRunning(limitMs: number): AbortSignal & Disposable {
  const over = new AbortController();
  let passedMs = 0;
  const timer = setInterval(() => {
    passedMs += TICK_MS;
    if (passedMs < limitMs) return;
    clearInterval(timer);
    over.abort(new Error(`there was no answer within ${String(limitMs)} ms`));
  }, TICK_MS);
  return Object.assign(over.signal, { [Symbol.dispose]: () => clearInterval(timer) });
}
