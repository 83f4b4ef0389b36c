import type { MurmurClient } from "@murmur/api";
import { codeOf, sleep, type Clock } from "@murmur/base";
import { EMPTY_PICTURE, pictureOf, withEvent, type Picture } from "./picture.ts";

const POLL_MS = 500;
/** How long in a row nothing may be heard from the cluster. */
const SILENCE_MAX_MS = 60_000;

/**
 * Whole pictures of a service, one after each change: from the event stream, and while that can't be had (a leader or
 * the daemon is lost) by asking. Rejects after `SILENCE_MAX_MS` without an answer, with the last failure.
 */
export async function* watchService(
  client: MurmurClient,
  serviceId: string,
  how: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<Picture, void, undefined> {
  const { clock, signal } = how;
  let heardAt = clock.monotonic();
  while (!signal.aborted) {
    let failure: unknown;
    try {
      let picture = EMPTY_PICTURE;
      for await (const event of client.events({ service: serviceId, kinds: ["service", "task"], signal })) {
        heardAt = clock.monotonic();
        picture = withEvent(picture, event);
        if (picture.whole) yield picture;
      }
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    try {
      yield await ask(client, serviceId, signal);
      heardAt = clock.monotonic();
    } catch (error) {
      failure = error;
    }
    if (failure !== undefined && clock.monotonic() - heardAt > SILENCE_MAX_MS) throw failure;
    await sleep(clock, POLL_MS, signal).catch(() => {});
  }
}

async function ask(client: MurmurClient, serviceId: string, signal: AbortSignal): Promise<Picture> {
  try {
    const [service, tasks] = await Promise.all([
      client.service(serviceId, { signal }),
      client.tasks({ filters: { service: [serviceId] }, signal }),
    ]);
    return pictureOf(service, tasks);
  } catch (error) {
    if (codeOf(error) === "not_found") return { ...EMPTY_PICTURE, whole: true };
    throw error;
  }
}
