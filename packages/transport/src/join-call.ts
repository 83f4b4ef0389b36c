import { X509Certificate } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { ClusterError, messageOf, type Clock, type Millis } from "@murmur/base";
import { explainDialError, noAnswer, notMurmur } from "./dial-error.ts";
import { checkVersions, PROTOCOL, type Versions } from "./hello.ts";
import { decodeVersions, encodeVersions, JOIN_PATH, readJson, VERSIONS_HEADER } from "./join-http.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { parseRefusal } from "./tls-dial.ts";
import { connectTls } from "./tls-socket.ts";

export interface JoinCallOptions {
  /**
   * Throws unless the member's certificates are those of the wanted cluster: PEM, the member's first, the CA's last. That
   * each was signed by the next, and is valid now, has been checked. Nothing was sent before.
   */
  readonly caDigestCheck: (chainPem: string) => void;
  readonly method: string;
  /** A JSON value of at most 64 KiB. */
  readonly body: unknown;
  readonly timeoutMs: Millis;
  readonly clock: Clock;
  readonly software: string;
  readonly signal?: AbortSignal;
}

const CHAIN_MAX = 4;

/** Asks a member on behalf of a node that has no certificate yet. Rejects in one clear line. */
export async function joinCall(address: string, options: JoinCallOptions): Promise<unknown> {
  const controller = new AbortController();
  const timer = options.clock.setTimer(options.timeoutMs, () => controller.abort(noAnswer(address)));
  const onAbort = (): void => {
    controller.abort(new ClusterError("cancelled", `joining was cancelled: ${messageOf(options.signal?.reason)}`));
  };
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  try {
    const socket = await connectTls(address, { secure: "unverified", signal: controller.signal });
    try {
      options.caDigestCheck(verifiedChain(address, socket, options.clock.now()));
      return await post(address, socket, { ...options, signal: controller.signal });
    } finally {
      socket.destroy();
    }
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** The certificates that the member shows, when each is valid now and signed by the next, and the last by itself. */
function verifiedChain(address: string, socket: TLSSocket, now: Millis): string {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < CHAIN_MAX) {
    chain.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    if (issuer === undefined || issuer.raw.equals(next.raw)) break;
    next = issuer;
  }
  const broken = chain.some((certificate, index) => {
    const issuer = chain[index + 1] ?? certificate;
    return !issuer.ca || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey);
  });
  if (broken || chain.length < 2) throw notMurmur(address);
  for (const { validFromDate, validToDate } of chain) {
    if (now >= validFromDate.getTime() && now <= validToDate.getTime()) continue;
    throw new ClusterError(
      "unauthenticated",
      `the certificate of ${address} is not valid now; check the clocks of that host and of this one`,
    );
  }
  return chain.map((certificate) => certificate.toString()).join("");
}

function post(
  address: string,
  socket: TLSSocket,
  options: JoinCallOptions & { signal: AbortSignal },
): Promise<unknown> {
  const { signal, method, software } = options;
  const own: Versions = { software, protocolMin: PROTOCOL.min, protocolMax: PROTOCOL.max };
  const body = JSON.stringify(options.body);
  if (Buffer.byteLength(body) > DEFAULT_LIMITS.joinBytesMax) {
    const message = `a join message has at most ${DEFAULT_LIMITS.joinBytesMax} bytes`;
    return Promise.reject(new ClusterError("invalid_argument", message));
  }
  return new Promise((resolve, reject) => {
    const sent = request({
      method: "POST",
      path: JOIN_PATH + encodeURIComponent(method),
      headers: { host: "murmur", [VERSIONS_HEADER]: encodeVersions(own), "content-length": Buffer.byteLength(body) },
      createConnection: () => socket,
    });
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      sent.destroy();
      reject(explainDialError(address, error));
    };
    const onAbort = (): void => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    sent.on("error", fail);
    sent.on("response", (response) => {
      readAnswer(address, response, own).then(resolve, fail);
    });
    sent.end(body);
  });
}

async function readAnswer(address: string, response: IncomingMessage, own: Versions): Promise<unknown> {
  const versions = decodeVersions(response.headers[VERSIONS_HEADER]);
  if (versions === undefined) throw notMurmur(address);
  checkVersions(own, versions, `the node at ${address}`);
  const answer = await readJson(response, DEFAULT_LIMITS.joinBytesMax);
  if (response.statusCode === 200 && typeof answer === "object" && answer !== null) {
    return "value" in answer ? answer.value : undefined;
  }
  throw parseRefusal(JSON.stringify(answer)) ?? notMurmur(address);
}
