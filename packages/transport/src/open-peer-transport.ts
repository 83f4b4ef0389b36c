import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { HostPort } from "./address.ts";
import { explainDialError } from "./dial-error.ts";
import { PROTOCOL } from "./hello.ts";
import { transportLimits, type TransportLimits } from "./limits.ts";
import type { Connector } from "./link.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { Peers } from "./peers.ts";
import { dialPeer, type VerifyPeer } from "./tls-dial.ts";
import { TlsListener } from "./tls-listener.ts";
import type { NodeIdentity } from "./tls-socket.ts";

export interface OpenPeerTransportOptions {
  /** Where to listen; port 0 takes a free one. */
  readonly listen: HostPort;
  /** What this node shows; asked for each new connection. Its `nodeId` never changes. */
  readonly identity: () => NodeIdentity;
  readonly verifyPeer: VerifyPeer;
  /** Where a node is to be dialled now, as "host:port"; undefined when that isn't known. */
  readonly addressOf: (id: NodeId) => string | undefined;
  /** This node's software version, for messages to people. */
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<TransportLimits>;
  /** The protocol versions to speak; for tests. */
  readonly protocol?: { readonly min: number; readonly max: number };
}

/** Opens the peers' port: WebSockets over mutually authenticated TLS. Rejects when it can't be bound. */
export async function openPeerTransport(options: OpenPeerTransportOptions): Promise<PeerTransport> {
  const { identity, verifyPeer, addressOf, clock, random, log, software, listen, protocol = PROTOCOL } = options;
  const limits = transportLimits(options.limits);
  const listener = await TlsListener.open({ listen, identity, verifyPeer, log, limits });
  const connector: Connector = {
    address: listener.address,
    dial: async (to, address, { own, signal }) => {
      try {
        const { frameBytesMax } = limits;
        return await dialPeer(to, address, { identity: identity(), verifyPeer, own, signal, frameBytesMax });
      } catch (error) {
        throw explainDialError(address, error);
      }
    },
    listen: (accept, joins) => listener.listen(accept, joins),
    identityChanged: () => listener.identityChanged(),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
  return new Peers({
    self: identity().nodeId,
    versions: { software, protocolMin: protocol.min, protocolMax: protocol.max },
    addressOf,
    connector,
    clock,
    random,
    log,
    limits,
  });
}
