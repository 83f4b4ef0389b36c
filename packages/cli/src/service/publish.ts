import type { PortConfig } from "@murmur/api";
import { invalid } from "../argument-error.ts";
import { parsePort } from "../units/number.ts";
import { hostIpOf, PORT_OPTIONS } from "./publish-options.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
const MODES = ["ingress", "host"] as const;

/**
 * `80:8080`, `53:53/udp`, `8000-8002:80-82`, `10.0.0.1:80:8080`, `[fd00::1]:80:8080`, or `published=80,target=8080` with
 * more fields. Errors: `invalid_argument`.
 */
export const parsePublish = (text: string): PortConfig[] => (text.includes("=") ? [parseLong(text)] : parseShort(text));

const FIELDS = ["target", "published", "protocol", "mode", ...Object.keys(PORT_OPTIONS)]
  .map((field) => `${field}=`)
  .join(", ");

function parseLong(text: string): PortConfig {
  const port: PortConfig = { TargetPort: 0, Protocol: "tcp", PublishMode: "ingress" };
  for (const field of text.split(",")) {
    const cut = field.indexOf("=");
    const [key, value] = [field.slice(0, cut).trim().toLowerCase(), field.slice(cut + 1).trim()];
    switch (cut < 0 ? "" : key) {
      case "target":
        port.TargetPort = parsePort(value);
        break;
      case "published":
        port.PublishedPort = parsePort(value, 0);
        break;
      case "protocol":
        port.Protocol = protocolOf(value);
        break;
      case "mode":
        port.PublishMode = modeOf(value);
        break;
      default: {
        const option = cut < 0 || !Object.hasOwn(PORT_OPTIONS, key) ? undefined : PORT_OPTIONS[key];
        if (option === undefined) throw invalid(`invalid port '${text}': '${field}' is none of ${FIELDS}`);
        port.Murmur = { ...port.Murmur, ...option(value) };
      }
    }
  }
  if (port.TargetPort === 0) throw invalid(`invalid port '${text}': target= is missing`);
  return port;
}

function parseShort(text: string): PortConfig[] {
  const [ports = "", protocol = "tcp", ...rest] = text.split("/");
  const { hostIp, parts } = splitShort(ports);
  if (rest.length > 0 || parts.length > 2) {
    const hint = parts.length > 2 && ports.includes("::") ? "; an IPv6 address needs brackets" : "";
    throw invalid(`invalid port '${text}': give [[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]${hint}`);
  }
  const target = parseRange(parts.at(-1) ?? "");
  const published = parts.length === 2 && parts[0] !== "" ? parseRange(parts[0] ?? "") : undefined;
  if (published !== undefined && published.length !== target.length) {
    throw invalid(`invalid port '${text}': both ranges must have the same length`);
  }
  return target.map((TargetPort, at): PortConfig => {
    const PublishedPort = published?.[at];
    return {
      Protocol: protocolOf(protocol),
      TargetPort,
      PublishMode: "ingress",
      ...(PublishedPort !== undefined && { PublishedPort }),
      ...(hostIp !== undefined && { Murmur: { HostIP: hostIp } }),
    };
  });
}

/** The address in front, if there is one, and the one or two ports. */
function splitShort(text: string): { readonly hostIp?: string; readonly parts: readonly string[] } {
  const bracketed = /^(\[[^\]]*\]):(.*)$/.exec(text);
  if (bracketed !== null) return { hostIp: hostIpOf(bracketed[1] ?? ""), parts: (bracketed[2] ?? "").split(":") };
  const [first = "", ...rest] = text.split(":");
  return rest.length === 2 ? { hostIp: hostIpOf(first), parts: rest } : { parts: [first, ...rest] };
}

function parseRange(text: string): number[] {
  const [first = "", last = first, ...rest] = text.split("-");
  const from = parsePort(first);
  const to = parsePort(last);
  if (rest.length > 0 || to < from) throw invalid(`invalid range of ports '${text}': give FIRST-LAST`);
  return Array.from({ length: to - from + 1 }, (_none, at) => from + at);
}

function protocolOf(text: string): (typeof PROTOCOLS)[number] {
  const protocol = PROTOCOLS.find((candidate) => candidate === text.toLowerCase());
  if (protocol === undefined) throw invalid(`invalid protocol '${text}': give tcp, udp or sctp`);
  return protocol;
}

function modeOf(text: string): (typeof MODES)[number] {
  const mode = MODES.find((candidate) => candidate === text.toLowerCase());
  if (mode === undefined) throw invalid(`invalid publish mode '${text}': give ingress or host`);
  return mode;
}

/** `--publish-rm 8080/tcp`: whether a port is the one that is named by its target, and its address where one is given. */
export function isTarget(text: string): (port: PortConfig) => boolean {
  const [ports = "", protocol] = text.split("/");
  const { hostIp, parts } = splitShort(ports);
  const wanted = parsePort(parts.at(-1) ?? "");
  const of = protocol === undefined ? undefined : protocolOf(protocol);
  return (port) =>
    port.TargetPort === wanted &&
    (of ?? port.Protocol ?? "tcp") === (port.Protocol ?? "tcp") &&
    (hostIp === undefined || port.Murmur?.HostIP === hostIp);
}
