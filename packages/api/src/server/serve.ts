import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { getRequestListener } from "@hono/node-server";
import { ClusterError, messageOf, type Clock, type Log, type Millis } from "@murmur/base";
import type { Api } from "../app.ts";
import { splitVersion } from "../http/api-version.ts";
import { takesOver } from "../http/exec-routes.ts";
import { errorResponse } from "../http/error-response.ts";
import type { Engine } from "../ports.ts";
import { answerTakenOver } from "./taken-over.ts";
import { Passthrough } from "./passthrough.ts";
import {
  clearSocketPath,
  fileIdentity,
  publishSocket,
  removeSocket,
  temporaryPath,
  type SocketAccess,
} from "./socket-file.ts";
import { readTls, watchTls, type TlsFiles, type TlsMaterial } from "./tls-files.ts";
import { Turns } from "../turns.ts";

/** Connections open at once; the kernel's queue holds the rest back, and what overflows it is refused. */
const CONNECTIONS_MAX = 4_096;
/**
 * Requests of Murmur's own that are worked on at once. One that waits is little more than its head, while one that was begun
 * holds all that became of it so far until its answer comes, and whatever is held the collector of garbage copies: for
 * writes 100 to 260 did alike, 32 and all worse (docs/throughput.md).
 */
const WORKED_ON_MAX = 128;
/** What takes longer waits for something, and is not to be waited for. */
const PLACE_MS: Millis = 500;
/** Registry credentials travel in a header. */
const HEADER_BYTES_MAX = 64 * 1024;
/** From the first byte of a request to the end of its head. */
const HEAD_MS = 10_000;
const IDLE_MS = 75_000;
/** Of clients that are refused one in so long is told of. */
const REFUSALS_MS = 60_000;
/** What is in flight when the server stops gets this long to end by itself. */
const DRAIN_MS = 1_000;

const DEFAULT_ACCESS: SocketAccess = { mode: 0o660, groups: ["docker", "murmur"] };

/** A socket, for who may open its file; or TCP, for who shows a certificate: whoever is served here is root on this host. */
export type ListenAddress =
  | { readonly socketPath: string; readonly access?: SocketAccess }
  | { readonly host: string; readonly port: number; readonly tls: TlsFiles };

export interface ServeOptions {
  readonly api: Api;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly listen: ListenAddress;
}

/** A server that takes requests until it is disposed. */
export interface ApiServer extends AsyncDisposable {
  /** The port that it got when it was given 0; undefined on a socket. */
  readonly port: number | undefined;
}

/**
 * Serves the API. Murmur's paths go to the app, all others to the engine. Errors: `already_exists` when another daemon
 * answers on the socket, `invalid_argument` for a path that can't be one or TLS files that can't be used, `unavailable`
 * when it can't be listened on.
 */
export async function serve(options: ServeOptions): Promise<ApiServer> {
  const { api, engine, clock, log, listen } = options;
  const passthrough = new Passthrough(engine, log);
  const owns = ({ method = "GET", url = "/" }: IncomingMessage): boolean => api.owns(method, pathOf(url), queryOf(url));
  const answer = getRequestListener((request) => api.fetch(request), {
    overrideGlobalObjects: false,
    errorHandler: () => errorResponse(new ClusterError("invalid_argument", "this is no request that can be answered")),
  });
  const tls = "tls" in listen ? await readTls(listen.tls) : undefined;
  const server = newServer(tls, {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEAD_MS,
    // Uploads to the engine may take as long as they take; bodies that are read here have their own limit.
    requestTimeout: 0,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: 5_000,
    // Of Murmur's own routes one switches protocols; for the others the wish is passed over, as HTTP allows.
    shouldUpgradeCallback: (request) => !owns(request) || isTakenOver(request),
  });
  server.maxConnections = CONNECTIONS_MAX;

  const turns = new Turns({ places: WORKED_ON_MAX, heldMs: PLACE_MS, clock });
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!owns(request)) return passthrough.handle(request, response);
    // Docker's clients put in what they like, up to the socket's path; nothing here depends on it.
    request.headers.host = "murmur";
    // That a client has gone is said once: whoever began to listen only now would never hear of it.
    return turns.take(async () => (response.destroyed ? undefined : answer(request, response)));
  };
  const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> => {
    if (!owns(request)) return passthrough.upgrade(request, socket, head);
    return answerTakenOver(request, { socket, head }, (asked) => api.fetch(asked));
  };
  const failed = (error: unknown): void => log.error("a connection failed", { error: messageOf(error) });
  server.on("request", (request, response) => void onRequest(request, response).catch(failed));
  server.on("upgrade", (request, socket, head) => void onUpgrade(request, socket, head).catch(failed));
  server.on("clientError", refuseMalformed);
  server.on("tlsClientError", sayRefused(log));

  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });

  await using stack = new AsyncDisposableStack();
  stack.defer(await start(server, listen, log));
  stack.defer(() => stop(server, connections));
  stack.use(turns);
  if ("tls" in listen && tls !== undefined && "setSecureContext" in server) {
    stack.use(watchTls(listen.tls, { first: tls, use: (material) => server.setSecureContext(material), log }));
  }
  const open = stack.move();
  return { port: portOf(server), [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** Who is refused learns nothing; the log does, without letting anybody fill it. */
function sayRefused(log: Log): (error: Error, socket: TLSSocket) => void {
  let saidAt = -Infinity;
  return (error, { remoteAddress }) => {
    if (performance.now() - saidAt < REFUSALS_MS) return;
    saidAt = performance.now();
    log.warn("a client was refused: it speaks no TLS or has no certificate of --tlscacert", {
      address: remoteAddress,
      error: messageOf(error),
    });
  };
}

/** Plain on a socket; else only for clients with a certificate of the given authority. */
function newServer(tls: TlsMaterial | undefined, options: ServerOptions): Server | SecureServer {
  if (tls === undefined) return createServer(options);
  return createSecureServer({
    ...options,
    ...tls,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    handshakeTimeout: HEAD_MS,
    // Who has sent all its input still waits for the answer.
    allowHalfOpen: true,
  });
}

const isTakenOver = ({ method = "", url = "/" }: IncomingMessage): boolean =>
  takesOver(method, splitVersion(pathOf(url)).path);

/** The path of a request's target; some clients send the absolute form. */
function pathOf(target: string): string {
  const withoutQuery = target.split("?", 1)[0] ?? "/";
  return withoutQuery.replace(/^https?:\/\/[^/]*/, "");
}

const queryOf = (target: string): string => (target.includes("?") ? target.slice(target.indexOf("?")) : "");

/** Starts to listen; returns what takes the socket's file away again. */
async function start(server: Server | SecureServer, listen: ListenAddress, log: Log): Promise<() => Promise<void>> {
  if (!("socketPath" in listen)) {
    await listening(server, { host: listen.host, port: listen.port });
    return () => Promise.resolve();
  }
  const { socketPath } = listen;
  await clearSocketPath(socketPath);
  await listening(server, { path: temporaryPath(socketPath) });
  await publishSocket(socketPath, listen.access ?? DEFAULT_ACCESS, log);
  const identity = await fileIdentity(socketPath);
  return () => removeSocket(socketPath, identity);
}

function listening(
  server: Server | SecureServer,
  where: { path: string } | { host: string; port: number },
): Promise<void> {
  const name = "path" in where ? where.path : `${where.host}:${String(where.port)}`;
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(new ClusterError("unavailable", `can't listen on ${name}: ${messageOf(error)}`, { cause: error }));
    server.once("error", onError);
    server.listen(where, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

/** @param connections All, also those that were taken over or are in the middle of a handshake, which the server forgets. */
function stop(server: Server | SecureServer, connections: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const cut = (): void => {
      for (const socket of connections) socket.destroy();
    };
    const timer = setTimeout(cut, DRAIN_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function portOf(server: Server | SecureServer): number | undefined {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : undefined;
}

const MALFORMED: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, `the request's head is longer than ${String(HEADER_BYTES_MAX)} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request didn't arrive in time"],
};

/** What is no HTTP is told so, if the client still listens, and let go; so is who shows no certificate, untold. */
function refuseMalformed(error: Error, socket: Duplex): void {
  // Without a handshake there is nobody to talk to.
  if (!socket.writable || (socket instanceof TLSSocket && !socket.authorized)) {
    socket.destroy();
    return;
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const [status, message] = MALFORMED[code] ?? [400, "malformed HTTP request"];
  const body = `${JSON.stringify({ message })}\n`;
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`,
  );
}
