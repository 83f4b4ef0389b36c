import {
  assert,
  ClusterError,
  messageOf,
  randomId,
  Scope,
  type Clock,
  type Log,
  type NodeId,
  type Random,
} from "@murmur/base";
import { transportError } from "./call-fate.ts";
import { ChannelCounters } from "./channel-stats.ts";
import { encodeNamed } from "./codec.ts";
import type { Connection } from "./connection.ts";
import {
  handlerTable,
  type CallHandler,
  type JoinHandler,
  type MessageHandler,
  type StreamHandler,
} from "./handlers.ts";
import { checkVersions, type Versions } from "./hello.ts";
import { JoinDesk } from "./join-desk.ts";
import { transportLimits, type TransportLimits } from "./limits.ts";
import type { CloseReason, Connector, Incoming } from "./link.ts";
import type { CallOptions } from "./outgoing-calls.ts";
import type { PeerStream } from "./peer-stream.ts";
import { Peer, type PeerContext } from "./peer.ts";
import type { PeerTransport, TransportStats } from "./peer-transport.ts";

export interface PeersOptions {
  readonly self: NodeId;
  readonly versions: Versions;
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<TransportLimits>;
}

/** A `PeerTransport` over any kind of link. */
export class Peers implements PeerTransport {
  readonly address: string;
  readonly #connector: Connector;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: TransportLimits;
  readonly #context: PeerContext;
  readonly #joins: JoinDesk;
  readonly #scope: Scope;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #upListeners = new Set<(id: NodeId) => void>();
  readonly #downListeners = new Set<(id: NodeId, reason: CloseReason) => void>();

  constructor(options: PeersOptions) {
    const { self, versions, addressOf, connector, clock, random, log } = options;
    const limits = transportLimits(options.limits);
    this.address = connector.address;
    this.#connector = connector;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#scope = new Scope(log);
    const { streamWindowBytes, bulkWindowBytes } = limits;
    this.#context = {
      connector,
      addressOf,
      clock,
      random,
      log,
      limits,
      scope: this.#scope,
      self: { ...versions, nodeId: self, instance: randomId(random), streamWindowBytes, bulkWindowBytes },
      handlers: handlerTable(),
      counters: new ChannelCounters(),
      onUp: (id) => this.#tell(this.#upListeners, (listener) => listener(id)),
      onDown: (id, reason) => this.#tell(this.#downListeners, (listener) => listener(id, reason)),
      onIdle: (id) => void this.#peers.delete(id),
    };
    this.#joins = new JoinDesk({ versions, clock, log, limits });
    connector.listen((incoming) => this.#incoming(incoming), this.#joins);
  }

  send(to: NodeId, channel: string, message: unknown): boolean {
    const { counters } = this.#context;
    try {
      return this.#peer(to).send(channel, encodeNamed(channel, message, this.#limits.messageBytesMax));
    } catch (error) {
      counters.dropped(channel);
      this.#log.warn("a message cannot be sent", { to, channel, error: messageOf(error) });
      return false;
    }
  }

  onMessage(channel: string, handler: MessageHandler): Disposable {
    return this.#context.handlers.messages.register(channel, handler);
  }

  async call(to: NodeId, method: string, body: unknown, options: CallOptions = {}): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? this.#limits.callTimeoutMs;
    const startedAt = this.#clock.monotonic();
    const peer = this.#wanted(to, options.signal);
    if (peer.active === undefined) await peer.ready({ timeoutMs, signal: options.signal });
    const leftMs = Math.max(1, timeoutMs - (this.#clock.monotonic() - startedAt));
    return active(peer).call(method, body, { ...options, timeoutMs: leftMs });
  }

  handle(method: string, handler: CallHandler): Disposable {
    return this.#context.handlers.calls.register(method, handler);
  }

  async open(
    to: NodeId,
    method: string,
    body: unknown,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<PeerStream> {
    const peer = this.#wanted(to, options.signal);
    const timeoutMs = this.#limits.callTimeoutMs;
    if (peer.active === undefined) await peer.ready({ timeoutMs, signal: options.signal });
    return active(peer).open(method, body, options.signal);
  }

  handleStream(method: string, handler: StreamHandler): Disposable {
    return this.#context.handlers.streams.register(method, handler);
  }

  handleJoin(method: string, handler: JoinHandler): Disposable {
    return this.#joins.handlers.register(method, handler);
  }

  connect(to: NodeId): void {
    this.#peer(to).want();
  }

  isUp(id: NodeId): boolean {
    return this.#peers.get(id)?.active !== undefined;
  }

  protocolWith(id: NodeId): number | undefined {
    return this.#peers.get(id)?.active?.protocol;
  }

  onPeerUp(listener: (id: NodeId) => void): Disposable {
    return subscribe(this.#upListeners, listener);
  }

  onPeerDown(listener: (id: NodeId, reason: CloseReason) => void): Disposable {
    return subscribe(this.#downListeners, listener);
  }

  identityChanged(): void {
    this.#connector.identityChanged();
  }

  stats(): TransportStats {
    const sums = { connections: 0, callsOut: 0, callsIn: 0, streams: 0 };
    for (const peer of this.#peers.values()) {
      for (const { counts } of peer.connections) {
        sums.connections += 1;
        sums.callsOut += counts.callsOut;
        sums.callsIn += counts.callsIn;
        sums.streams += counts.streams;
      }
    }
    return { channels: this.#context.counters.read(), ...sums, joins: this.#joins.running };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const scopeEnd = this.#scope[Symbol.asyncDispose]();
    this.#joins.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    await this.#connector[Symbol.asyncDispose]();
    await scopeEnd;
  }

  /** The peer that a call or stream needs now. */
  #wanted(to: NodeId, signal: AbortSignal | undefined): Peer {
    if (signal?.aborted === true) throw transportError("cancelled", `cancelled: ${messageOf(signal.reason)}`, false);
    const peer = this.#peer(to);
    peer.want();
    return peer;
  }

  #peer(id: NodeId): Peer {
    if (this.#scope.closed) throw transportError("unavailable", "this node's transport is closed", false);
    if (id === this.#context.self.nodeId) throw new ClusterError("invalid_argument", "a node does not call itself");
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = new Peer(id, this.#context);
    this.#peers.set(id, peer);
    return peer;
  }

  #incoming(incoming: Incoming): void {
    const { from, hello } = incoming;
    try {
      assert(from === hello.nodeId, "a connector gives the verified id");
      checkVersions(this.#context.self, hello, `node ${from}`);
      const own = this.#peer(from).hello(hello.connection);
      incoming.accept(own, (link) => {
        if (this.#scope.closed) return link.destroy();
        this.#peer(from).established(link, hello, false);
      });
    } catch (error) {
      const refusal = error instanceof ClusterError ? error : new ClusterError("internal", messageOf(error));
      this.#log.warn("refused a peer", { from, error: refusal.message });
      incoming.refuse(refusal);
    }
  }

  #tell<T>(listeners: ReadonlySet<T>, call: (listener: T) => void): void {
    for (const listener of listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#log.error("a listener for peers failed", { error: messageOf(error) });
      }
    }
  }
}

/** The connection of a peer that was ready a moment ago. */
function active(peer: Peer): Connection {
  if (peer.active !== undefined) return peer.active;
  throw transportError("unavailable", `node ${peer.id} was lost again at once`, false);
}

function subscribe<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
