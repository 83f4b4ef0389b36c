import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { ClusterError, messageOf, type Log, type NodeId } from "@murmur/base";
import { WebSocketServer } from "ws";
import { formatAddress, type HostPort } from "./address.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import type { JoinDesk } from "./join-desk.ts";
import { answerJoin } from "./join-http.ts";
import type { TransportLimits } from "./limits.ts";
import type { Incoming } from "./link.ts";
import { encodeRefusal, headerOf, type VerifyPeer } from "./tls-dial.ts";
import { secureOptions, type NodeIdentity } from "./tls-socket.ts";
import { CLOSE_TIMEOUT_MS, WebSocketLink } from "./web-socket-link.ts";

export interface TlsListenerOptions {
  readonly listen: HostPort;
  readonly identity: () => NodeIdentity;
  readonly verifyPeer: VerifyPeer;
  readonly log: Log;
  readonly limits: TransportLimits;
}

/** A client has this long for its TLS handshake, and again for its request's headers. */
const HANDSHAKE_TIMEOUT_MS = 5000;
const HEADER_BYTES_MAX = 8192;

/** The server's half: certified nodes may ask for a link, all others only to join. */
export class TlsListener implements AsyncDisposable {
  readonly address: string;
  readonly #options: TlsListenerOptions;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #sockets = new Set<Duplex>();
  #joining = 0;

  private constructor(server: Server, options: TlsListenerOptions) {
    this.#server = server;
    this.#options = options;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : options.listen.port;
    this.address = formatAddress({ host: options.listen.host, port });
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.frameBytesMax,
      autoPong: false,
    });
  }

  /** Binds the port; rejects with one line when it can't be bound. */
  static async open(options: TlsListenerOptions): Promise<TlsListener> {
    const { listen, identity, limits } = options;
    const server = createServer({
      ...secureOptions(identity()),
      // Who has no certificate may join; so the check is made for each request.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: Math.min(HANDSHAKE_TIMEOUT_MS, limits.joinTimeoutMs),
      requestTimeout: limits.joinTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: HEADER_BYTES_MAX,
      noDelay: true,
    });
    server.maxConnections = limits.connectionsMax;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(explainListenError(listen, error)));
      server.listen({ ...listen }, () => resolve());
    });
    return new TlsListener(server, options);
  }

  listen(accept: (incoming: Incoming) => void, joins: JoinDesk): void {
    const { log, limits } = this.#options;
    this.#server.on("error", (error) => log.error("the peers' port failed", { error: messageOf(error) }));
    this.#server.on("tlsClientError", (error, socket) => {
      log.debug("a TLS handshake failed", { from: socket.remoteAddress, error: messageOf(error) });
      socket.destroy();
    });
    this.#server.on("clientError", (_error, socket) => void socket.destroy());
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade({ request, socket, head }, accept));
    this.#server.on("request", (request, response) => {
      this.#joining += 1;
      response.once("close", () => (this.#joining -= 1));
      const overloaded = this.#joining > limits.joinsMax;
      void answerJoin(request, { response, joins, limits, overloaded });
    });
  }

  /** New connections get the new certificate. */
  identityChanged(): void {
    this.#server.setSecureContext(secureOptions(this.#options.identity()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    // Links close by themselves; what is still in its handshake by then never will.
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSE_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  #upgrade(
    { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
    accept: (incoming: Incoming) => void,
  ): void {
    socket.on("error", () => socket.destroy());
    const refuse = (error: ClusterError): void => refuseUpgrade(socket, error);
    try {
      if (!(socket instanceof TLSSocket)) throw new ClusterError("unauthenticated", "peers speak TLS");
      const from = this.#verify(socket);
      const hello = decodeHello(headerOf(request));
      if (request.url !== "/peer" || hello === undefined) {
        throw new ClusterError("incompatible_version", "the request is not one of a Murmur node of a known version");
      }
      if (hello.nodeId !== from) throw new ClusterError("unauthenticated", `node ${from} says it is ${hello.nodeId}`);
      accept({
        from,
        hello,
        refuse,
        accept: (own, established) => {
          this.#webSockets.once("headers", (headers) => headers.push(`murmur-hello: ${encodeHello(own)}`));
          this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
            established(new WebSocketLink(webSocket, socket));
          });
          this.#webSockets.removeAllListeners("headers");
        },
      });
    } catch (error) {
      const refusal = error instanceof ClusterError ? error : new ClusterError("internal", messageOf(error));
      this.#options.log.warn("refused a peer", { error: refusal.message });
      refuse(refusal);
    }
  }

  #verify(socket: TLSSocket): NodeId {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) {
      throw new ClusterError("unauthenticated", "a node needs a certificate of this cluster: join it first");
    }
    if (!socket.authorized) {
      const why = messageOf(socket.authorizationError);
      throw new ClusterError("unauthenticated", `the node's certificate is not valid in this cluster (${why})`);
    }
    return this.#options.verifyPeer(certificate);
  }
}

/** Ends a request with its refusal in the body. */
function refuseUpgrade(socket: Duplex, error: ClusterError): void {
  const body = encodeRefusal(error);
  const lines = [
    "HTTP/1.1 403 Forbidden",
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

function explainListenError(listen: HostPort, error: NodeJS.ErrnoException): ClusterError {
  const address = formatAddress(listen);
  if (error.code === "EADDRINUSE") {
    return new ClusterError("port_conflict", `${address} is in use: stop what listens there or choose another port`);
  }
  if (error.code === "EADDRNOTAVAIL") {
    return new ClusterError("invalid_argument", `${address} is no address of this host`);
  }
  return new ClusterError("unavailable", `cannot listen on ${address}: ${messageOf(error)}`);
}
