import { ClusterError } from "@murmur/base";

/** Where a daemon listens. `text` is how people write it. */
export type DaemonAddress =
  | { readonly text: string; readonly socketPath: string }
  | { readonly text: string; readonly host: string; readonly port: number };

/**
 * Reads `unix:///path`, a bare `/path`, `tcp://host:port` or `http://host:port`. Anything else is an
 * `invalid_argument`.
 */
export function parseDaemonAddress(text: string): DaemonAddress {
  if (text.startsWith("/")) return { text: `unix://${text}`, socketPath: text };
  if (text.startsWith("unix://")) {
    const socketPath = text.slice("unix://".length);
    if (socketPath.startsWith("/")) return { text, socketPath };
  }
  const match = /^(?:tcp|http):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port >= 1 && port <= 65_535) return { text, host, port };
  throw new ClusterError(
    "invalid_argument",
    `"${text}" is no address of a daemon: give unix:///PATH or tcp://HOST:PORT`,
  );
}
