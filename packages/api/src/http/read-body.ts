/**
 * The pieces of a body, as they are asked for. Once the signal is aborted it ends, and the body's other end is told, also
 * while a piece is waited for: that a request's own signal reaches it can't be relied on, since Node lets it go with the
 * `Request`, which nobody holds any more once it was answered.
 */
export async function* readBody(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    signal.removeEventListener("abort", stop);
    await reader.cancel().catch(() => {});
  }
}
