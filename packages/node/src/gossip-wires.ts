import { ClusterError, type NodeId } from "@murmur/base";
import type { Datagrams, GossipDriver, ReliableChannel } from "@murmur/agent";
import type { GossipKeyRing } from "@murmur/identity";
import type { GossipVerdict } from "@murmur/manager";
import type { Datagrams as SealedDatagrams, PeerTransport } from "@murmur/transport";
import type { DatagramHandlers } from "./member-wires.ts";

const PROBE_METHOD = "gossip.probe";
const EXCHANGE_METHOD = "gossip.exchange";

type Members = Pick<GossipDriver, "member">;

/** What gossip says of a node. One that has left with a farewell is as gone as a dead one. */
export function verdictOn(gossip: Members, id: NodeId): GossipVerdict {
  const state = gossip.member(id)?.state;
  if (state === undefined) return "unheard";
  return state === "alive" || state === "suspect" ? "alive" : "dead";
}

/** Whether gossip says that a node is not there. A node it never heard of counts too. */
export const isGone = (gossip: Members, id: NodeId): boolean => verdictOn(gossip, id) !== "alive";

/** The sealed datagrams of one cluster, on the peers' port. The key ring is asked for each one: it may be rotated. */
export async function openClusterDatagrams(options: {
  readonly ring: () => GossipKeyRing;
  readonly open: (handlers: DatagramHandlers) => Promise<SealedDatagrams>;
}): Promise<Datagrams & AsyncDisposable> {
  const { ring } = options;
  const listeners = new Set<(from: string, bytes: Uint8Array) => void>();
  const socket = await options.open({
    seal: (bytes) => ring().seal(bytes),
    open: (bytes) => ring().open(bytes),
    onPacket: (from, bytes) => {
      for (const listener of listeners) listener(from, bytes);
    },
  });
  return {
    send: (to, bytes) => socket.send(to, bytes),
    onDatagram: (listener) => subscribed(listeners, listener),
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}

/** What gossip sends over the peers' connections. It knows addresses, they know nodes: `idAt` says who is where. */
export function reliableChannel(
  transport: PeerTransport,
  idAt: (address: string) => NodeId | undefined,
): ReliableChannel {
  const listeners = new Set<(bytes: Uint8Array) => void>();
  transport.handle(PROBE_METHOD, () => Promise.resolve(true));
  transport.handle(EXCHANGE_METHOD, async (_from, body) => {
    if (!(body instanceof Uint8Array)) throw new ClusterError("invalid_argument", "gossip.exchange: malformed body");
    for (const listener of listeners) listener(body);
  });
  return {
    probe: async (_to, nodeId, { signal }) => void (await transport.call(nodeId, PROBE_METHOD, null, { signal })),
    deliver: async ({ address, nodeId }, bytes, { signal }) => {
      // A member that has just come back at another address is known at its old one, and has made a connection.
      const id = nodeId ?? idAt(address);
      if (id === undefined) throw new ClusterError("unavailable", `nobody is known to be at ${address}`);
      await transport.call(id, EXCHANGE_METHOD, bytes, { signal });
    },
    onDelivery: (listener) => subscribed(listeners, listener),
  };
}

function subscribed<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
