import type { Server } from "node:net";
import type { Clock, Log, LogFields, Millis, NodeId, Random } from "@murmur/base";
import { adoptTcpPort } from "../open-port.ts";
import { ProxySet } from "../proxy-set.ts";
import { Targets } from "../targets.ts";
import { sourceAmong, type FromWorker, type SourceAddress, type ToWorker } from "./messages.ts";

const STATS_MS: Millis = 1_000;

export interface ProxyWorkerOptions {
  readonly self: NodeId;
  readonly publishAddress: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The process of a worker: its way to the daemon. */
export type WorkerProcess = Pick<NodeJS.Process, "on" | "once" | "send">;

/**
 * Carries connections of published TCP ports in a process of its own, beside the daemon that has started it, until that tells it
 * to end, or is gone. It opens no port: it listens on the daemon's own sockets, so the kernel gives each connection to
 * whoever has time for it.
 */
export async function runProxyWorker(options: ProxyWorkerOptions, process: WorkerProcess): Promise<void> {
  const { clock } = options;
  // A daemon that is gone needs no word.
  const tell = (message: FromWorker): void => void process.send?.(message, () => {});
  const sockets = new Map<string, Server>();
  let sources: readonly SourceAddress[] = [];
  const targets = new Targets({ ...options, sourceOf: (host) => sourceAmong(sources, host) });
  const set = new ProxySet({
    ...options,
    targets,
    log: logBy(tell),
    serves: ({ key }) => sockets.has(key),
    openTcp: async ({ key }) => {
      const socket = sockets.get(key);
      if (socket === undefined) throw new Error(`no socket was given for ${key}`);
      return adoptTcpPort(socket);
    },
  });
  const over = Promise.withResolvers<void>();
  let isRetired = false;
  const close = (keys: readonly string[]): void => {
    const closed = keys.map((key) => sockets.get(key));
    for (const key of keys) sockets.delete(key);
    set.render();
    // Also those that no proxy had taken over yet.
    for (const socket of closed) socket?.close();
  };
  const obey = (message: ToWorker, socket: unknown): void => {
    switch (message.kind) {
      case "know": {
        const { number, knowledge } = message;
        ({ sources } = knowledge);
        targets.update(knowledge.table);
        targets.avoid(knowledge.suspects);
        set.dropDead(knowledge.suspects.deadNodes);
        set.render();
        return tell({ kind: "known", number });
      }
      case "listen":
        // None comes with it where the port was closed on its way.
        if (socket === undefined) return;
        sockets.set(message.key, socket as Server);
        return set.render();
      case "close":
        return close([message.key]);
      case "retire":
        isRetired = true;
        return close([...sockets.keys()]);
      case "end":
        return over.resolve();
    }
  };
  process.on("message", (message, socket) => obey(message as ToWorker, socket));
  process.once("disconnect", () => over.resolve());
  let told = "";
  const look = (): void => {
    const stats = set.stats();
    const text = JSON.stringify(stats);
    if (text !== told) tell({ kind: "stats", stats });
    told = text;
    if (isRetired && stats.connections === 0) over.resolve();
    else timer = clock.setTimer(STATS_MS, look);
  };
  let timer = clock.setTimer(STATS_MS, look);
  await over.promise;
  timer.cancel();
  await set[Symbol.asyncDispose]();
}

const logBy = (tell: (message: FromWorker) => void): Log => {
  const line = (level: keyof Log) => (message: string, fields?: LogFields) =>
    tell({ kind: "log", level, message, ...(fields !== undefined && { fields }) });
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
};
