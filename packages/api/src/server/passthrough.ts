import { request, STATUS_CODES, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClusterError, messageOf, type Log } from "@murmur/base";
import { enginePath } from "../engine/engine-path.ts";
import { ERROR_CODE_HEADER, STATUS } from "../error-status.ts";
import type { Engine } from "../ports.ts";
import { changeOf } from "./socket-change.ts";

/** Headers that speak of one connection, not of the message (RFC 9110, 7.6.1), and are set anew on the next one. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  // Answered with "100 Continue" by the server already.
  "expect",
]);
/** The body of a request that takes its connection over: the few options of an exec. */
const UPGRADE_BODY_BYTES_MAX = 1024 * 1024;

/**
 * Hands requests to the local engine and its answers back: every header, and the bodies as they come, both ways, with
 * as much waiting in between as the sockets hold. When one end goes away, so does the other.
 *
 * One thing is changed. Clients settle on the newest API version that they share with Murmur, which an older engine
 * would refuse: see `enginePath`.
 */
export class Passthrough {
  readonly #engine: Engine;
  readonly #log: Log;

  constructor(engine: Engine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  /** An ordinary request. Never rejects. */
  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const abort = new AbortController();
    outgoing.once("close", () => abort.abort());
    const path = await enginePath(this.#engine, incoming.url ?? "/");
    if (abort.signal.aborted) return;
    // Not "close": an engine that closes right after its answer makes the last, empty write of a body fail, and with it
    // the answer that is there to be read.
    const headers = [...endToEnd(incoming.rawHeaders), "Connection", "keep-alive"];
    const onward = this.#request(incoming, path, headers);
    abort.signal.addEventListener("abort", () => onward.destroy(), { once: true });
    const sent = pipeline(incoming, onward).catch(() => {
      // The engine may answer and close before it has read all; its answer, or the lack of one, tells.
    });
    try {
      const answer = await answerOf(onward);
      relayHead(answer, outgoing);
      await pipeline(answer, outgoing);
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(outgoing, error);
    }
    await sent;
  }

  /**
   * A request that asks to take the connection over (attach, exec, build sessions). From the engine's 101 on, bytes go
   * through both ways until both ends have ended. Never rejects.
   */
  async upgrade(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> {
    socket.on("error", () => socket.destroy());
    const path = await enginePath(this.#engine, incoming.url ?? "/");
    if (socket.destroyed) return;
    const onward = this.#request(incoming, path, allBut(incoming.rawHeaders, new Set(["expect"])));
    onward.setNoDelay(true);
    const destroyOnward = (): void => void onward.destroy();
    socket.once("close", destroyOnward);
    try {
      const { body, rest } = await readBody(incoming, socket, head);
      onward.end(body);
      const answer = await upgradeOf(onward);
      socket.write(rawHead(answer.response));
      if (answer.kind === "answer") {
        await pipeline(answer.response, socket);
        return;
      }
      socket.off("close", destroyOnward);
      await joined({ socket, head: rest }, { socket: answer.socket, head: answer.head });
    } catch (error) {
      onward.destroy();
      if (!socket.destroyed) socket.end(rawFailure(error));
    }
  }

  #request(incoming: IncomingMessage, path: string, headers: readonly string[]): ClientRequest {
    const { address } = this.#engine;
    const onward = request({ ...address, path, method: incoming.method, headers, agent: false, setHost: false });
    // Errors are told to whoever waits for the answer; one that comes when nobody does must not end the process.
    onward.on("error", () => {});
    return onward;
  }

  #fail(outgoing: ServerResponse, error: unknown): void {
    this.#log.debug("passing a request through failed", { error: messageOf(error) });
    if (outgoing.headersSent) {
      outgoing.destroy();
      return;
    }
    const { status, body } = failure(error);
    outgoing.writeHead(status, { "content-type": "application/json", [ERROR_CODE_HEADER]: "unavailable" });
    outgoing.end(body);
  }
}

function answerOf(onward: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    onward.once("response", resolve);
    onward.once("error", reject);
    onward.once("close", () => reject(new Error("the engine closed the connection")));
  });
}

type UpgradeAnswer =
  | { readonly kind: "answer"; readonly response: IncomingMessage }
  | {
      readonly kind: "upgraded";
      readonly response: IncomingMessage;
      readonly socket: Duplex;
      readonly head: Uint8Array;
    };

function upgradeOf(onward: ClientRequest): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    onward.once("upgrade", (response, socket, head) => resolve({ kind: "upgraded", response, socket, head }));
    onward.once("response", (response) => resolve({ kind: "answer", response }));
    onward.once("error", reject);
    onward.once("close", () => reject(new Error("the engine closed the connection")));
  });
}

/** Node leaves the body of such a request unread: it is the first bytes after the head. */
async function readBody(incoming: IncomingMessage, socket: Duplex, head: Uint8Array) {
  const length = Number(incoming.headers["content-length"] ?? 0);
  if (incoming.headers["transfer-encoding"] !== undefined || !(length >= 0 && length <= UPGRADE_BODY_BYTES_MAX)) {
    throw new ClusterError("invalid_argument", "the body of a request to upgrade needs a length of at most 1 MiB");
  }
  let bytes: Uint8Array = head;
  while (bytes.byteLength < length) {
    const chunk: unknown = socket.read();
    if (chunk instanceof Uint8Array) bytes = Buffer.concat([bytes, chunk]);
    else if (socket.readableEnded || socket.destroyed) throw new Error("the body broke off");
    else await changeOf(socket);
  }
  return { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

interface Side {
  readonly socket: Duplex;
  /** Bytes that came along with the head of the message. */
  readonly head: Uint8Array;
}

/** Joins two connections. An end of input goes on as one (a container may still write); a break breaks both. */
async function joined(left: Side, right: Side): Promise<void> {
  if (left.head.byteLength > 0) right.socket.write(left.head);
  if (right.head.byteLength > 0) left.socket.write(right.head);
  const flow = (from: Duplex, to: Duplex): Promise<void> =>
    new Promise((resolve) => {
      from.once("error", () => to.destroy());
      from.once("close", () => {
        // A connection that closed after its end has been read out: what it said is still on its way to the other.
        if (from.readableEnded) to.end(() => to.destroy());
        else to.destroy();
        resolve();
      });
      from.pipe(to);
    });
  await Promise.all([flow(left.socket, right.socket), flow(right.socket, left.socket)]);
}

function relayHead(answer: IncomingMessage, outgoing: ServerResponse): void {
  const headers = endToEnd(answer.rawHeaders);
  const chunked = answer.headers["transfer-encoding"] !== undefined;
  // Neither a length nor chunks: the body ends with the connection, here as there. Old ways of attaching need it raw.
  if (!chunked && answer.headers["content-length"] === undefined) outgoing.useChunkedEncodingByDefault = false;
  outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, [...headers]);
  // The client must see the head of a stream that is still silent.
  outgoing.flushHeaders();
}

const endToEnd = (rawHeaders: readonly string[]): string[] => allBut(rawHeaders, HOP_BY_HOP);

function allBut(rawHeaders: readonly string[], left: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (!left.has(name.toLowerCase())) kept.push(name, rawHeaders[at + 1] ?? "");
  }
  return kept;
}

/** The head of an answer as bytes. After anything but a 101 the connection ends: nobody parses it any more. */
function rawHead(response: IncomingMessage): string {
  const status = response.statusCode ?? 502;
  const isUpgrade = status === 101;
  const headers = allBut(response.rawHeaders, isUpgrade ? new Set() : HOP_BY_HOP);
  if (!isUpgrade) headers.push("Connection", "close");
  const lines = [`HTTP/1.1 ${String(status)} ${response.statusMessage ?? STATUS_CODES[status] ?? ""}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at] ?? ""}: ${headers[at + 1] ?? ""}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function failure(error: unknown): { readonly status: number; readonly body: string } {
  const isRefusal = error instanceof ClusterError;
  const message = isRefusal ? error.message : `the container engine doesn't answer: ${messageOf(error)}`;
  return { status: STATUS[isRefusal ? error.code : "unavailable"], body: `${JSON.stringify({ message })}\n` };
}

function rawFailure(error: unknown): string {
  const { status, body } = failure(error);
  return (
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`
  );
}
