import { ClusterError, isId, nodeId, type NodeId } from "@murmur/base";

/**
 * The versions of the wire protocol that this code speaks: its own and the one before, so that a cluster can be upgraded
 * host by host. What a connection may carry follows from the version that both ends know (`agreedVersion`); what reaches
 * nodes that this one has no connection with, such as log entries, from the one that all nodes of the cluster know. The
 * README says how to make a change.
 */
export const PROTOCOL = { min: 1, max: 1 } as const;

/** What each side says about itself before a connection carries anything. */
export interface Hello {
  readonly nodeId: NodeId;
  /** The node's software version, for messages to people. */
  readonly software: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
  /** Random, chosen when the process opens its transport: a different one means that the old process is gone. */
  readonly instance: string;
  /** Random, chosen by the side that dials; names this connection on both sides. */
  readonly connection: string;
  /** The connections with this peer that the sender knows to be closed, newest last; at most `CLOSED_MAX`. */
  readonly closed: readonly string[];
  /** How much the other side may send on a stream before this side has taken it. */
  readonly streamWindowBytes: number;
  /** How many bulk bytes the other side may have on the way. */
  readonly bulkWindowBytes: number;
}

export const CLOSED_MAX = 4;
/** The longest encoded hello; a longer one is not read. */
export const HELLO_BYTES_MAX = 2048;

/** One line of ASCII, fit for an HTTP header. */
export function encodeHello(hello: Hello): string {
  return JSON.stringify({ ...hello, software: hello.software.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100) });
}

/** Reads a hello; undefined when the text is none. */
export function decodeHello(text: string): Hello | undefined {
  if (text.length > HELLO_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Partial<Record<keyof Hello, unknown>> = value;
  const { software, instance, connection, closed } = fields;
  const { protocolMin, protocolMax, streamWindowBytes, bulkWindowBytes } = fields;
  if (typeof fields.nodeId !== "string" || !isId(fields.nodeId)) return undefined;
  if (!isShort(software) || !isShort(instance) || !isShort(connection)) return undefined;
  if (!Array.isArray(closed) || closed.length > CLOSED_MAX || !closed.every(isShort)) return undefined;
  if (!isCount(protocolMin) || !isCount(protocolMax) || protocolMin > protocolMax) return undefined;
  if (!isCount(streamWindowBytes) || !isCount(bulkWindowBytes)) return undefined;
  return {
    nodeId: nodeId(fields.nodeId),
    software,
    instance,
    connection,
    closed,
    protocolMin,
    protocolMax,
    streamWindowBytes,
    bulkWindowBytes,
  };
}

const isShort = (value: unknown): value is string => typeof value === "string" && value.length <= 100;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/** What a node says about the versions it speaks; a part of `Hello`, and all that a joining node says. */
export type Versions = Pick<Hello, "software" | "protocolMin" | "protocolMax">;

/** Refuses a peer with which no version of the protocol is shared. */
export function checkVersions(own: Versions, other: Versions, otherName: string): void {
  if (own.protocolMin <= other.protocolMax && other.protocolMin <= own.protocolMax) return;
  const older = own.protocolMax < other.protocolMin ? "this node" : otherName;
  throw new ClusterError(
    "incompatible_version",
    `${otherName} runs Murmur ${other.software} (protocol ${range(other)}), this node runs ${own.software} ` +
      `(protocol ${range(own)}): upgrade ${older}`,
  );
}

/** The version that a connection is spoken in: the newest that both sides know. `checkVersions` has found that there is one. */
export const agreedVersion = (own: Versions, other: Versions): number => Math.min(own.protocolMax, other.protocolMax);

const range = (versions: Versions): string =>
  versions.protocolMin === versions.protocolMax
    ? String(versions.protocolMin)
    : `${versions.protocolMin} to ${versions.protocolMax}`;
