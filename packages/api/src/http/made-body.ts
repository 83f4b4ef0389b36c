/**
 * A response's body that is made as it is read: nothing is produced until it is asked for. `end` is called once, as soon as
 * the reader has gone, the signal is aborted, or the pieces have come to their end; what the pieces come from has to end then.
 */
export function madeBody(
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
  { signal, end }: { readonly signal: AbortSignal; readonly end: () => void },
): ReadableStream<Uint8Array> {
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", finish);
    end();
  };
  signal.addEventListener("abort", finish, { once: true });
  if (signal.aborted) finish();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = over ? undefined : await pieces.next();
          if (next !== undefined && next.done !== true && !over) return controller.enqueue(next.value);
        } catch (error) {
          finish();
          throw error;
        }
        const isCancelled = over && !signal.aborted;
        finish();
        if (!isCancelled) controller.close();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
