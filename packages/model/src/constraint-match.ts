import type { ClusterNode } from "./node.ts";
import type { Constraint, Placement } from "./service-spec.ts";

const NODE_LABEL = "node.labels.";
const ENGINE_LABEL = "engine.labels.";

/**
 * What a node has for an attribute that constraints and spread preferences name: `node.id`, `node.hostname`,
 * `node.role`, `node.ip`, `node.platform.os`, `node.platform.arch`, `node.labels.NAME`, `engine.labels.NAME`. Empty
 * when the node has no such value; undefined when there is no such attribute. Attributes are read without regard to
 * case, the NAME of a label with it, as in Docker.
 */
export function nodeAttribute(node: ClusterNode, key: string): string | undefined {
  const folded = key.toLowerCase();
  if (folded.length > NODE_LABEL.length && folded.startsWith(NODE_LABEL)) {
    return node.spec.labels[key.slice(NODE_LABEL.length)] ?? "";
  }
  if (folded.length > ENGINE_LABEL.length && folded.startsWith(ENGINE_LABEL)) {
    return node.description?.engine.labels[key.slice(ENGINE_LABEL.length)] ?? "";
  }
  switch (folded) {
    case "node.id":
      return node.id;
    case "node.hostname":
      return node.description?.hostname ?? "";
    case "node.role":
      return node.raftRole === "none" ? "worker" : "manager";
    case "node.ip":
      return hostOf(node.address);
    case "node.platform.os":
      return node.description?.platform.os ?? "";
    case "node.platform.arch":
      return node.description?.platform.architecture ?? "";
    default:
      return undefined;
  }
}

/** Whether a node satisfies a constraint. One with an unknown attribute, or an address that is none, suits no node. */
export function matchesConstraint(node: ClusterNode, constraint: Constraint): boolean {
  const actual = nodeAttribute(node, constraint.key);
  if (actual === undefined) return false;
  const same = sameValue(constraint.key.toLowerCase(), actual, constraint.value);
  if (same === undefined) return false;
  return constraint.operator === "==" ? same : !same;
}

/** Whether a node satisfies every constraint. */
export function matchesConstraints(node: ClusterNode, constraints: readonly Constraint[]): boolean {
  return constraints.every((constraint) => matchesConstraint(node, constraint));
}

/** Whether a node is of one of the platforms; any is when none are named. */
export function matchesPlatforms(node: ClusterNode, platforms: Placement["platforms"]): boolean {
  if (platforms.length === 0) return true;
  const own = node.description?.platform;
  if (own === undefined) return false;
  return platforms.some(
    (wanted) =>
      (!wanted.os || wanted.os === own.os) &&
      (!wanted.architecture || architecture(wanted.architecture) === architecture(own.architecture)),
  );
}

/** Undefined when the constraint's value cannot be compared with this attribute at all. */
function sameValue(key: string, actual: string, wanted: string): boolean | undefined {
  if (key === "node.ip") return inSubnet(actual, wanted);
  const [left, right] = [actual.toLowerCase(), wanted.toLowerCase()];
  if (left === right) return true;
  return key === "node.platform.arch" && architecture(left) === architecture(right);
}

/** The kernel's name of an architecture and the image's are the same thing. */
function architecture(name: string): string {
  if (name === "x86_64") return "amd64";
  return name === "aarch64" ? "arm64" : name;
}

/** The host part of `IP:port` or `[IP]:port`. */
function hostOf(address: string): string {
  const port = address.lastIndexOf(":");
  const host = port < 0 ? address : address.slice(0, port);
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** Whether an address is the wanted one, or lies in the wanted subnet; undefined when `wanted` is neither. */
function inSubnet(actual: string, wanted: string): boolean | undefined {
  const [text = "", length, ...rest] = wanted.split("/");
  const subnet = addressValue(text);
  if (subnet === undefined || rest.length > 0) return undefined;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = length === undefined ? subnet.bits : Number(length);
  if (prefix > subnet.bits) return undefined;
  const own = addressValue(actual);
  if (own === undefined || own.bits !== subnet.bits) return false;
  const ignored = BigInt(subnet.bits - prefix);
  return own.value >> ignored === subnet.value >> ignored;
}

interface AddressValue {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

function addressValue(text: string): AddressValue | undefined {
  return text.includes(":") ? ipv6Value(text) : ipv4Value(text);
}

function ipv4Value(text: string): AddressValue | undefined {
  const bytes = text.split(".");
  if (bytes.length !== 4 || !bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) <= 255)) return undefined;
  return { bits: 32, value: bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) };
}

/** One `::` stands for the groups that are missing (RFC 4291); the embedded IPv4 form is not read. */
function ipv6Value(text: string): AddressValue | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { bits: 128, value: groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n) };
}
