import type { Socket } from "node:net";
import type { Clock, Millis } from "@murmur/base";

/**
 * Tells once how long a task took to begin its answer: from the first byte that the client sent it, or, where the task
 * speaks first, from the moment at which they were joined. A client that takes its time is not held against the task.
 */
export function timeAnswer(
  { client, upstream }: { readonly client: Socket; readonly upstream: Socket },
  clock: Clock,
  report: (ms: Millis) => void,
): void {
  let since = clock.monotonic();
  const asked = (): void => void (since = clock.monotonic());
  client.once("data", asked);
  upstream.once("data", () => {
    client.off("data", asked);
    report(clock.monotonic() - since);
  });
}
