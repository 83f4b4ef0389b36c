import type { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { ClusterError, isId, nodeId, SeededRandom, silentLog, type Clock, type NodeId } from "@murmur/base";
import { parseAddress } from "./address.ts";
import { joinCall } from "./join-call.ts";
import type { TransportLimits } from "./limits.ts";
import { openPeerTransport } from "./open-peer-transport.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { IDS, NAMES, until, watch, type Name, type OpenChanges, type TestWorld } from "./test-world.ts";
import type { NodeIdentity } from "./tls-socket.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const testPem = (file: string): string =>
  readFileSync(new URL(`../test/certificates/${file}.pem`, import.meta.url), "utf8");

/** Reads the id out of a test certificate's subject. */
export function verifyTestPeer(certificate: X509Certificate): NodeId {
  const id = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "";
  if (!isId(id)) throw new ClusterError("unauthenticated", `"${id}" is no node of this cluster`);
  return nodeId(id);
}

/** The identity of one of the test certificates; `ca` says whom it trusts. */
export const testIdentity = (file: string, id: NodeId, ca = "ca"): NodeIdentity => ({
  nodeId: id,
  certificatePem: testPem(file),
  keyPem: testPem(`${file}.key`),
  caPem: testPem(ca),
});

/** What a test isn't about takes as long as it takes: a busy machine is neither deaf nor dead. */
export const PATIENT: Partial<TransportLimits> = {
  dialTimeoutMs: 30_000,
  silenceMs: 30_000,
  callTimeoutMs: 45_000,
  interestMs: 60_000,
};

const close = async (transport: PeerTransport): Promise<void> => {
  await transport[Symbol.asyncDispose]();
};

/** Forwards TCP from one node to another; can break or hold back what it forwards. */
class Relay {
  readonly #server: Server;
  readonly #target: () => string | undefined;
  readonly #sockets = new Set<Socket>();
  #held = false;

  private constructor(server: Server, target: () => string | undefined) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => this.#connection(socket));
  }

  static async open(target: () => string | undefined): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return new Relay(server, target);
  }

  get address(): string {
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? `127.0.0.1:${bound.port}` : "";
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  hold(held: boolean): void {
    this.#held = held;
    for (const socket of this.#sockets) if (held) socket.pause();
    if (!held) for (const socket of this.#sockets) socket.resume();
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    return closed;
  }

  #connection(near: Socket): void {
    const target = this.#target();
    if (target === undefined) return void near.resetAndDestroy();
    const far = connect({ ...parseAddress(target), allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes) => {
        if (to.write(bytes)) return;
        from.pause();
        to.once("drain", () => this.#held || from.resume());
      });
      from.on("end", () => to.end());
      from.on("error", () => to.resetAndDestroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#held) from.pause();
    }
  }
}

/** The contract's world on real sockets; each way between two nodes leads through a relay. */
export class TlsTestWorld implements TestWorld {
  readonly #transports = new Map<Name, PeerTransport>();
  readonly #opened: PeerTransport[] = [];
  readonly #relays = new Map<string, Relay>();
  readonly #moved = new Map<Name, Name>();

  static async open(): Promise<TlsTestWorld> {
    const world = new TlsTestWorld();
    for (const from of NAMES) {
      for (const to of NAMES) {
        const target = (): string | undefined => world.#transports.get(world.#moved.get(to) ?? to)?.address;
        world.#relays.set(`${from} ${to}`, await Relay.open(target));
      }
    }
    return world;
  }

  async open(name: Name, changes: OpenChanges = {}): Promise<PeerTransport> {
    const transport = await openPeerTransport({
      listen: { host: "127.0.0.1", port: 0 },
      identity: () => testIdentity(name, IDS[name]),
      verifyPeer: verifyTestPeer,
      addressOf: (id) => {
        const to = NAMES.find((each) => IDS[each] === id);
        return to === undefined ? undefined : this.#relays.get(`${name} ${to}`)?.address;
      },
      software: "1.0.0",
      clock: systemClock,
      random: new SeededRandom(Math.floor(Math.random() * 2 ** 31)),
      log: silentLog,
      ...changes,
      limits: { ...PATIENT, ...changes.limits },
    });
    this.#transports.set(name, transport);
    this.#opened.push(transport);
    return transport;
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  move(name: Name, toAddressOf: Name): void {
    this.#moved.set(name, toAddressOf);
  }

  reset(name: Name): void {
    for (const [way, relay] of this.#relays) if (way.split(" ").includes(name)) relay.reset();
  }

  cut(a: Name, b: Name): void {
    this.#hold(a, b, true);
  }

  heal(a: Name, b: Name): void {
    this.#hold(a, b, false);
  }

  join(to: Name, method: string, body: unknown): Promise<unknown> {
    return joinCall(this.#transports.get(to)?.address ?? "", {
      caDigestCheck: () => {},
      method,
      body,
      timeoutMs: 45_000,
      clock: systemClock,
      software: "1.0.0",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#opened.map((transport) => watch(close(transport)).promise);
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
    await Promise.all(closing);
  }

  #hold(a: Name, b: Name, held: boolean): void {
    for (const way of [`${a} ${b}`, `${b} ${a}`]) this.#relays.get(way)?.hold(held);
  }
}
