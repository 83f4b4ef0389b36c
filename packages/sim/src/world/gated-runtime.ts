import type { GuestRuntime, NetworkRuntime, Runtime } from "@murmur/agent";
import { Inbox } from "@murmur/base";
import type { Process } from "./process.ts";

/** Events that wait for a process; as many as the engine keeps for a slow reader. */
const EVENTS_MAX = 4_096;

/** All that a node of the simulator asks of its engine. */
export type HostRuntime = Runtime & NetworkRuntime & GuestRuntime;

/** An engine as one process sees it: what it answers and tells reaches the process when the process can take it in. */
export function gatedRuntime(
  engine: HostRuntime,
  process: Process,
  signalled: (containerId: string, signalName: string) => void,
): HostRuntime {
  return {
    ping: (options) => process.call(() => engine.ping(options)),
    info: (options) => process.call(() => engine.info(options)),
    pull: (image, options) => process.call(() => engine.pull(image, options)),
    create: (request, options) => process.call(() => engine.create(request, options)),
    start: (id, options) => process.call(() => engine.start(id, options)),
    kill: (id, signal, options) =>
      process.call(() => {
        signalled(id, signal);
        return engine.kill(id, signal, options);
      }),
    remove: (id, options) => process.call(() => engine.remove(id, options)),
    inspect: (name, options) => process.call(() => engine.inspect(name, options)),
    list: (labels, options) => process.call(() => engine.list(labels, options)),
    volumes: (options) => process.call(() => engine.volumes(options)),
    ensureNetwork: (network, options) => process.call(() => engine.ensureNetwork(network, options)),
    removeNetwork: (name, options) => process.call(() => engine.removeNetwork(name, options)),
    networks: (labels, options) => process.call(() => engine.networks(labels, options)),
    guests: (labels, options) => process.call(() => engine.guests(labels, options)),
    guestEvents: async (options) => gatedEvents(await process.call(() => engine.guestEvents(options)), process),
    evict: (network, options) => process.call(() => engine.evict(network, options)),
    events: async (labels, options) => gatedEvents(await process.call(() => engine.events(labels, options)), process),
  };
}

function gatedEvents<T>(events: AsyncIterable<T>, process: Process): AsyncIterable<T> {
  const inbox = new Inbox<T>({ limit: EVENTS_MAX, onFull: "reject" });
  const close = (): void => process.enter(() => inbox.close());
  const forward = async (): Promise<void> => {
    for await (const event of events) {
      if (!process.alive) return;
      process.enter(() => {
        if (!inbox.push(event)) inbox.close();
      });
    }
  };
  forward().then(close, close);
  return {
    async *[Symbol.asyncIterator]() {
      for (let event = await inbox.take(); event !== undefined; event = await inbox.take()) yield event;
    },
  };
}
