import { isIP } from "node:net";
import type { PortOptions } from "@murmur/api";
import { invalid } from "../argument-error.ts";

const BALANCINGS = ["random", "round-robin", "source-hash", "least-conn", "peak-ewma"] as const;

/** The fields of a published port that are Murmur's own, by their names in `--publish`. */
export const PORT_OPTIONS: Readonly<Record<string, (value: string) => PortOptions>> = {
  "host-ip": (value) => ({ HostIP: hostIpOf(value) }),
  balancing: (value) => ({ Balancing: balancingOf(value) }),
  "proxy-protocol": (value) => ({ ProxyProtocol: switchOf("proxy-protocol", value) }),
  "local-first": (value) => ({ LocalFirst: switchOf("local-first", value) }),
};

/** `10.0.0.1`, `fd00::1`, `[fd00::1]`. Errors: `invalid_argument`. */
export function hostIpOf(text: string): string {
  const address = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (isIP(address) === 0) throw invalid(`invalid address '${text}': give an IP address of the nodes`);
  return address;
}

function balancingOf(text: string): (typeof BALANCINGS)[number] {
  const balancing = BALANCINGS.find((candidate) => candidate === text.toLowerCase());
  if (balancing === undefined) throw invalid(`invalid balancing '${text}': give one of ${BALANCINGS.join(", ")}`);
  return balancing;
}

function switchOf(name: string, text: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw invalid(`invalid ${name} '${text}': give true or false`);
}

/** `10.0.0.1:80`, `[fd00::1]:80`, `80`. */
export const publishedText = (published: string, hostIp: string | undefined): string =>
  hostIp === undefined ? published : `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:${published}`;

/** What a port has beyond its numbers, for people. */
export const optionWords = ({ Balancing, ProxyProtocol, LocalFirst }: PortOptions): readonly string[] => [
  ...(Balancing === undefined ? [] : [Balancing]),
  ...(ProxyProtocol === true ? ["PROXY protocol"] : []),
  ...(LocalFirst === true ? ["local first"] : []),
];
