import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { ClusterError, ERROR_CODES, messageOf, type ErrorCode, type NodeId } from "@murmur/base";
import { WebSocket } from "ws";
import { explainDialError, notMurmur } from "./dial-error.ts";
import { decodeHello, encodeHello, type Hello } from "./hello.ts";
import type { Dialled } from "./link.ts";
import { connectTls, secureOptions, type NodeIdentity } from "./tls-socket.ts";
import { WebSocketLink } from "./web-socket-link.ts";

/** Says whose certificate it is; throws a `ClusterError` when it is nobody's in this cluster. */
export type VerifyPeer = (certificate: X509Certificate) => NodeId;

export interface DialOptions {
  readonly identity: NodeIdentity;
  readonly verifyPeer: VerifyPeer;
  readonly own: Hello;
  readonly frameBytesMax: number;
  readonly signal: AbortSignal;
}

const REFUSAL_BYTES_MAX = 4096;

/** Dials a peer: TLS, then its certificate, then the WebSocket with both hellos. */
export async function dialPeer(to: NodeId, address: string, options: DialOptions): Promise<Dialled> {
  const socket = await connectTls(address, { secure: secureOptions(options.identity), signal: options.signal });
  try {
    checkIdentity(to, { address, socket, verifyPeer: options.verifyPeer });
    return await upgrade(to, { ...options, address, socket });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function checkIdentity(to: NodeId, options: { address: string; socket: TLSSocket; verifyPeer: VerifyPeer }): void {
  const certificate = options.socket.getPeerX509Certificate();
  if (certificate === undefined) throw notMurmur(options.address);
  const found = options.verifyPeer(certificate);
  if (found === to) return;
  // Nobody claims to be who it isn't: the node that is looked for has moved away.
  throw new ClusterError(
    "unavailable",
    `the node at ${options.address} is ${found}, not ${to}: the address belongs to another node now`,
  );
}

function upgrade(to: NodeId, options: DialOptions & { address: string; socket: TLSSocket }): Promise<Dialled> {
  const { socket, own, signal, address } = options;
  return new Promise((resolve, reject) => {
    // The address only names the request: the socket is open already.
    const webSocket = new WebSocket("ws://murmur/peer", {
      createConnection: () => socket,
      headers: { "murmur-hello": encodeHello(own) },
      perMessageDeflate: false,
      maxPayload: options.frameBytesMax,
      autoPong: false,
      // TLS protects the frames; a mask of zeros costs nothing.
      generateMask: () => {},
    });
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      webSocket.terminate();
      reject(explainDialError(address, error));
    };
    const onAbort = (): void => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    let hello: Hello | undefined;
    webSocket.on("upgrade", (response) => (hello = decodeHello(headerOf(response))));
    webSocket.on("error", fail);
    webSocket.on("unexpected-response", (_request, response) => {
      readRefusal(response).then((refusal) => fail(refusal ?? notMurmur(address)), fail);
    });
    webSocket.on("open", () => {
      if (hello === undefined || hello.nodeId !== to) return fail(notMurmur(address));
      signal.removeEventListener("abort", onAbort);
      webSocket.off("error", fail);
      resolve({ link: new WebSocketLink(webSocket, socket), hello });
    });
  });
}

/** The hello that came as a header; "" when there is none. */
export function headerOf(message: IncomingMessage): string {
  const header = message.headers["murmur-hello"];
  return typeof header === "string" ? header : "";
}

async function readRefusal(response: IncomingMessage): Promise<ClusterError | undefined> {
  let text = "";
  response.setEncoding("utf8");
  for await (const part of response) {
    text += String(part);
    if (text.length > REFUSAL_BYTES_MAX) return undefined;
  }
  return parseRefusal(text);
}

/** How a refusal travels: code and message as JSON. */
export const encodeRefusal = (error: ClusterError): string =>
  JSON.stringify({ code: error.code, message: messageOf(error) });

/** Reads what `encodeRefusal` made; undefined for anything else. */
export function parseRefusal(text: string): ClusterError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("code" in value) || !("message" in value)) return undefined;
  const { code, message } = value;
  if (typeof message !== "string" || !isErrorCode(code)) return undefined;
  return new ClusterError(code, message);
}

const isErrorCode = (value: unknown): value is ErrorCode => ERROR_CODES.some((code) => code === value);
