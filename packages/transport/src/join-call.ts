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
   * Throws unless the member is in the wanted cluster: gets the certificates of the authorities that vouch for it, in PEM.
   * That each was signed by another of them or by itself, and is valid now, has been checked. Nothing was sent before.
   */
  readonly caDigestCheck: (authoritiesPem: string) => void;
  readonly method: string;
  /** A JSON value of at most 64 KiB. */
  readonly body: unknown;
  readonly timeoutMs: Millis;
  readonly clock: Clock;
  readonly software: string;
  readonly signal?: AbortSignal;
}

const CHAIN_MAX = 8;

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
      options.caDigestCheck(authoritiesOf(address, socket, options.clock.now()));
      return await post(address, socket, { ...options, signal: controller.signal });
    } finally {
      socket.destroy();
    }
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * The authorities that the member shows and that vouch for its certificate, directly or through each other: while a root
 * takes another's place, both do.
 */
function authoritiesOf(address: string, socket: TLSSocket, now: Millis): string {
  const [own, ...shown] = certificatesOf(socket);
  if (own === undefined) throw notMurmur(address);
  const found: X509Certificate[] = [];
  for (let news = [own]; news.length > 0;) {
    const signers = shown.filter((ca) => !found.includes(ca) && ca.ca && news.some((one) => isSignedBy(one, ca)));
    found.push(...signers);
    news = signers;
  }
  if (!found.some((root) => isSignedBy(root, root))) throw notMurmur(address);
  for (const { validFromDate, validToDate } of [own, ...found]) {
    if (now >= validFromDate.getTime() && now <= validToDate.getTime()) continue;
    throw new ClusterError(
      "unauthenticated",
      `the certificate of ${address} is not valid now; check the clocks of that host and of this one`,
    );
  }
  return found.map((certificate) => certificate.toString()).join("");
}

const isSignedBy = (certificate: X509Certificate, ca: X509Certificate): boolean =>
  certificate.checkIssued(ca) && certificate.verify(ca.publicKey);

/** What the member shows, in its order; its own certificate first. */
function certificatesOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  for (; next !== undefined && chain.length < CHAIN_MAX; next = next.issuerCertificate) {
    const { raw } = next;
    if (chain.some((known) => known.raw.equals(raw))) break;
    chain.push(next);
  }
  return chain;
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
