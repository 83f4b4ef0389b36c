import { connect, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { NodeId } from "@murmur/base";
import { parseAddress } from "./address.ts";
import { explainDialError } from "./dial-error.ts";

/** What a node shows to its peers, and whom it trusts. PEM texts; `caPem` holds several roots while one takes another's place. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** What is shown behind the certificate; left out: `caPem`. */
  readonly chainPem?: string;
}

/** A leaf and the authorities behind it: who joins can check a root's digest against the token. */
export const secureOptions = (identity: NodeIdentity): SecureContextOptions => ({
  cert: `${identity.certificatePem.trimEnd()}\n${identity.chainPem ?? identity.caPem}`,
  key: identity.keyPem,
  ca: identity.caPem,
  minVersion: "TLSv1.3",
});

export interface ConnectTlsOptions {
  /** What is shown, and who is trusted; "unverified" leaves the check to the caller. */
  readonly secure: SecureContextOptions | "unverified";
  readonly signal: AbortSignal;
}

/** Opens a TLS connection. Rejects in one clear line, or with the signal's reason. */
export function connectTls(address: string, options: ConnectTlsOptions): Promise<TLSSocket> {
  const { secure, signal } = options;
  const trust = secure === "unverified" ? { rejectUnauthorized: false, minVersion: "TLSv1.3" as const } : secure;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // Whom the certificate names is compared with the node's id, not with its address, which may change.
    const socket = connect({
      ...parseAddress(address),
      ...trust,
      servername: "",
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    const stop = (): void => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      socket.off("end", onEnd);
      socket.on("error", () => socket.destroy());
    };
    const onError = (error: unknown): void => {
      stop();
      socket.destroy();
      reject(explainDialError(address, error));
    };
    const onEnd = (): void => onError(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
    const onAbort = (): void => onError(signal.reason);
    socket.on("error", onError);
    socket.on("end", onEnd);
    socket.once("secureConnect", () => {
      stop();
      resolve(socket);
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
