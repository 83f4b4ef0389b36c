import { messageOf } from "@murmur/base";
import { formatIpPort } from "./ip-address.ts";
import { isElsewhere } from "./listen-at.ts";
import type { PublishedPort } from "./published-port.ts";

/** A port for people: `80`, or with its address `10.0.0.1:80`. */
export const portText = (port: number, address?: string): string =>
  address === undefined ? String(port) : formatIpPort({ host: address, port });

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "is in use by another program"],
  ["EACCES", "may not be opened by this user: ports below 1024 need root or CAP_NET_BIND_SERVICE"],
  ["EADDRNOTAVAIL", "can't be opened: its address is not one of this machine"],
]);

/** Why a port can't be opened, in one line. */
export function listenError(protocol: string, port: string, error: unknown): string {
  return `port ${port}/${protocol} ${REASONS.get(codeOf(error)) ?? `can't be opened: ${messageOf(error)}`}`;
}

export const isInUse = (error: unknown): boolean => codeOf(error) === "EADDRINUSE";

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** Why a published port can't be opened; undefined when its address is another node's, as it may be. */
export function problemOf(
  { protocol, port, hostIp }: Pick<PublishedPort, "protocol" | "port" | "hostIp">,
  error: unknown,
): string | undefined {
  if (hostIp !== undefined && isElsewhere(error)) return undefined;
  return listenError(protocol, portText(port, hostIp), error);
}
