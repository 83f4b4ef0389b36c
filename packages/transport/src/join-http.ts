import type { IncomingMessage, ServerResponse } from "node:http";
import { ClusterError } from "@murmur/base";
import type { Versions } from "./hello.ts";
import type { JoinAnswer, JoinDesk } from "./join-desk.ts";
import type { TransportLimits } from "./limits.ts";
import { encodeRefusal } from "./tls-dial.ts";

/** Where joining nodes send their request: this, and the method's name. */
export const JOIN_PATH = "/join/";
/** Shows that a Murmur node answers, and what the asking node speaks. */
export const VERSIONS_HEADER = "murmur-versions";

export const encodeVersions = ({ software, protocolMin, protocolMax }: Versions): string =>
  JSON.stringify([software, protocolMin, protocolMax]);

/** Reads what `encodeVersions` made; undefined for anything else. */
export function decodeVersions(header: string | string[] | undefined): Versions | undefined {
  const match = /^\["([\x20-\x7e]{1,100})",([0-9]{1,6}),([0-9]{1,6})\]$/.exec(typeof header === "string" ? header : "");
  const [, software, min, max] = match ?? [];
  if (software === undefined) return undefined;
  return { software, protocolMin: Number(min), protocolMax: Number(max) };
}

export interface AnswerJoinOptions {
  readonly response: ServerResponse;
  readonly joins: JoinDesk;
  readonly limits: TransportLimits;
  readonly overloaded: boolean;
}

/** Answers one HTTP request of a node without certificate. Never rejects. */
export async function answerJoin(request: IncomingMessage, options: AnswerJoinOptions): Promise<void> {
  const { response, joins, limits } = options;
  const path = request.url ?? "";
  const versions = decodeVersions(request.headers[VERSIONS_HEADER]);
  response.setHeader("connection", "close");
  response.setHeader("content-type", "application/json");
  if (request.method !== "POST" || !path.startsWith(JOIN_PATH) || versions === undefined) {
    response.writeHead(404).end("This is the port of a Murmur node for its peers.\n");
    return;
  }
  response.setHeader(VERSIONS_HEADER, encodeVersions(joins.versions));
  const refuse = (error: ClusterError): void => void response.writeHead(403).end(encodeRefusal(error));
  if (options.overloaded) {
    return refuse(new ClusterError("overloaded", "too many nodes are joining through this member: try again later"));
  }
  try {
    const body = await readJson(request, limits.joinBytesMax);
    const remoteAddress = request.socket.remoteAddress ?? "";
    const answer = await joins.answer({ remoteAddress, versions, method: path.slice(JOIN_PATH.length), body });
    respond(response, answer, limits);
  } catch (error) {
    refuse(error instanceof ClusterError ? error : new ClusterError("invalid_argument", "the request broke off"));
  }
}

function respond(response: ServerResponse, answer: JoinAnswer, limits: TransportLimits): void {
  const text = JSON.stringify(answer.ok ? { value: answer.value } : { code: answer.code, message: answer.message });
  if (Buffer.byteLength(text) > limits.joinBytesMax) throw new ClusterError("internal", "the answer is too large");
  response.writeHead(answer.ok ? 200 : 403).end(text);
}

/** Reads a body of at most `bytesMax` as JSON; `invalid_argument` for anything else. */
export async function readJson(message: IncomingMessage, bytesMax: number): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of message) {
    if (!(part instanceof Uint8Array)) continue;
    bytes += part.length;
    if (bytes > bytesMax) throw new ClusterError("invalid_argument", `a join message has at most ${bytesMax} bytes`);
    parts.push(part);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
    return value;
  } catch {
    throw new ClusterError("invalid_argument", "a join message is JSON");
  }
}
