import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Clock, Millis } from "@murmur/base";
import { endOfQuestion, FLAG, HEADER_BYTES, OPCODE_MASK } from "./query.ts";
import { MessageReader, withLength } from "./stream.ts";
import type { IpPort } from "../ip-address.ts";

/** How long a server upstream may take before the next one is asked. Three in a row are done before askers' usual 5 s. */
const UPSTREAM_MS: Millis = 1_500;

/** One question for one server. */
export interface UpstreamCall {
  readonly server: IpPort;
  /** A query with one question; its id is chosen here. */
  readonly query: Buffer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

type Settle = (answer: Buffer | undefined) => void;

/**
 * Asks by UDP, each time through a socket of its own: with a source port that the kernel chose and a random id a forger
 * has to guess both, and the kernel lets only the server's own packets through. Undefined when no answer came.
 */
export function askByUdp(call: UpstreamCall): Promise<Buffer | undefined> {
  const { host, port } = call.server;
  const query = withRandomId(call.query);
  return settledInTime(call, (settle) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    // Among others: nothing listens there, as the kernel was told.
    socket.on("error", () => settle(undefined));
    socket.on("message", (bytes) => {
      // What doesn't fit may be forged: the true answer may still come.
      if (isAnswerTo(query, bytes)) settle(bytes);
    });
    socket.once("connect", () => socket.send(query));
    socket.connect(port, host);
    return () => socket.close();
  });
}

/** Asks by TCP, for answers that are too long for UDP. Undefined when no answer came. */
export function askByTcp(call: UpstreamCall): Promise<Buffer | undefined> {
  const query = withRandomId(call.query);
  return settledInTime(call, (settle) => {
    const socket = connect(call.server);
    const reader = new MessageReader();
    socket.on("error", () => settle(undefined));
    socket.on("close", () => settle(undefined));
    socket.on("data", (chunk) => {
      const messages = reader.push(chunk);
      if (messages === undefined) return settle(undefined);
      const answer = messages.find((bytes) => isAnswerTo(query, bytes));
      if (answer !== undefined) settle(answer);
    });
    socket.write(withLength(query));
    return () => socket.destroy();
  });
}

/** Runs `begin` until it settles, the time is over or the call is aborted; then what it returned, exactly once. */
function settledInTime(
  { clock, signal }: UpstreamCall,
  begin: (settle: Settle) => () => void,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    let settled = false;
    let end: (() => void) | undefined;
    const settle: Settle = (answer) => {
      if (settled) return;
      settled = true;
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      end?.();
      resolve(answer);
    };
    const onAbort = (): void => settle(undefined);
    const timer = clock.setTimer(UPSTREAM_MS, onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    end = begin(settle);
    if (settled) end();
  });
}

function withRandomId(query: Buffer): Buffer {
  const copy = Buffer.from(query);
  copy.writeUInt16BE(randomInt(0x1_0000), 0);
  return copy;
}

/**
 * Whether a message answers a query: the id, and the question in any case of letters. One that says that it could not
 * read the query may leave the question out.
 */
function isAnswerTo(query: Buffer, bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG.QR) === 0 || (flags & OPCODE_MASK) !== 0) return false;
  const questions = bytes.readUInt16BE(4);
  if (questions === 0) return (flags & 0x0f) !== 0 && bytes.length === HEADER_BYTES;
  const end = endOfQuestion(query);
  if (questions !== 1 || end === undefined || endOfQuestion(bytes) !== end) return false;
  return questionKey(query.subarray(HEADER_BYTES, end)) === questionKey(bytes.subarray(HEADER_BYTES, end));
}

/** A question's bytes in a form that is the same for any case of the name's letters. */
export function questionKey(question: Buffer): string {
  const name = question
    .toString("latin1", 0, question.length - 4)
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return name + question.toString("latin1", question.length - 4);
}
