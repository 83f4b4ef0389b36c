import { messageOf } from "@murmur/base";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "is in use by another program"],
  ["EACCES", "may not be opened by this user: ports below 1024 need root or CAP_NET_BIND_SERVICE"],
  ["EADDRNOTAVAIL", "can't be opened: its address is not one of this machine"],
]);

/** Why a port can't be opened, in one line. */
export function listenError(protocol: string, port: number, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return `port ${String(port)}/${protocol} ${REASONS.get(code) ?? `can't be opened: ${messageOf(error)}`}`;
}
