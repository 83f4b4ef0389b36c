import type { Clock, NodeId, Random } from "@murmur/base";
import type { PeerTransport } from "@murmur/transport";
import type { Process } from "./process.ts";

/** What happens to best-effort messages above the connection, as if they had travelled in datagrams. */
export interface MessageFaults {
  /** Parts from 0 to 1. */
  loss: number;
  duplicates: number;
  /** A copy may come so much later. */
  replayMs: number;
}

export interface TransportTap {
  readonly process: Process;
  readonly faults: MessageFaults;
  readonly clock: Clock;
  readonly random: Random;
  sent(to: NodeId, message: unknown): void;
  calls(to: NodeId, call: { readonly method: string; readonly body: unknown }): void;
  called(to: NodeId, call: { readonly method: string; readonly body: unknown; readonly ok: boolean }): void;
  answered(from: NodeId, call: { readonly method: string; readonly body: unknown }): void;
}

/** A transport whose messages are seen, and some of which are lost, doubled or come again later. */
export function tappedTransport(transport: PeerTransport, tap: TransportTap): PeerTransport {
  const { process, faults, clock, random } = tap;
  let isClosed = false;
  const send: PeerTransport["send"] = (to, channel, message) => {
    if (!process.acts()) return false;
    tap.sent(to, message);
    if (faults.duplicates > 0 && random.next() < faults.duplicates) {
      // Nobody changes a message that was sent.
      clock.setTimer(random.next() * faults.replayMs, () => {
        // A node that has left its cluster may go on in another one: nothing comes of this one's any more.
        if (process.alive && !isClosed) transport.send(to, channel, message);
      });
    }
    if (faults.loss > 0 && random.next() < faults.loss) return true;
    return transport.send(to, channel, message);
  };
  return {
    address: transport.address,
    send,
    onMessage: (channel, handler) => transport.onMessage(channel, handler),
    call: (to, method, body, options) => {
      if (!process.acts()) return new Promise(() => {});
      tap.calls(to, { method, body });
      const answer = transport.call(to, method, body, options);
      const settled = (ok: boolean) => (): void => tap.called(to, { method, body, ok });
      answer.then(settled(true), settled(false));
      return answer;
    },
    handle: (method, handler) =>
      transport.handle(method, async (from, body, options) => {
        const answer = await handler(from, body, options);
        if (process.alive) tap.answered(from, { method, body });
        return answer;
      }),
    open: (to, method, body, options) =>
      process.acts() ? transport.open(to, method, body, options) : new Promise(() => {}),
    handleStream: (method, handler) => transport.handleStream(method, handler),
    handleJoin: (method, handler) => transport.handleJoin(method, handler),
    connect: (to) => transport.connect(to),
    isUp: (id) => transport.isUp(id),
    protocolWith: (id) => transport.protocolWith(id),
    onPeerUp: (listener) => transport.onPeerUp(listener),
    onPeerDown: (listener) => transport.onPeerDown(listener),
    identityChanged: () => transport.identityChanged(),
    stats: () => transport.stats(),
    [Symbol.asyncDispose]: () => {
      isClosed = true;
      return transport[Symbol.asyncDispose]();
    },
  };
}
