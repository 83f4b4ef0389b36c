import { ClusterError, withDeadline, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import {
  certificatesIn,
  createCsr,
  createNodeKey,
  parseCertificate,
  peerName,
  requestedKeyIn,
  signNodeCertificate,
  STATEMENT_NAME,
  statementKeyIn,
  verifyPeer,
} from "@murmur/identity";
import { externalCasOf, signingRoot, type Cluster, type ExternalCa, type StatementKey } from "@murmur/model";
import { reasonOf, signedIn, signRequest, type CallExternalCa, type SigningSubject } from "./external-ca.ts";

/** As Docker's. */
const ASK_TIMEOUT_MS: Millis = 5_000;
/** For all external CAs together: less than a node that joins waits. */
const ASK_ALL_TIMEOUT_MS: Millis = 10_000;

export interface AuthoritySignerOptions {
  /** Left out: external CAs can't be reached from here. */
  readonly call?: CallExternalCa;
  /** What this node shows to external CAs; undefined: it has no certificate yet. */
  readonly client: () => { readonly certificatePem: string; readonly keyPem: string } | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface NodeRequest {
  readonly cluster: Pick<Cluster, "id" | "caPem" | "rotation" | "secrets" | "spec">;
  readonly csrPem: string;
  readonly nodeId: NodeId;
}

export interface StatementRequest {
  readonly clusterId: string;
  /** In PEM. */
  readonly root: string;
  /** Those of the root. */
  readonly externalCas: readonly ExternalCa[];
}

/**
 * Signs nodes' certificates with what signs them now: the external CAs of the root, if there are any, as with Docker, or
 * else the root's key. What an external CA has signed is taken for nothing until it has been looked at.
 */
export class AuthoritySigner {
  readonly #options: AuthoritySignerOptions;

  constructor(options: AuthoritySignerOptions) {
    this.#options = options;
  }

  /**
   * A node's certificate in PEM. Errors: `invalid_argument` for a request that its key hasn't signed, `unavailable` with
   * the reason when no external CA signs it.
   */
  sign({ cluster, csrPem, nodeId }: NodeRequest, signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const { certificatePem: root, keyPem } = signingRoot(cluster);
    const { id: clusterId, spec, caPem: present } = cluster;
    const externalCas = externalCasOf(spec.externalCas, { root, present });
    if (externalCas.length === 0 && keyPem !== undefined) {
      const ca = { certificatePem: root, keyPem };
      const validityMs = spec.nodeCertificateValidityMs;
      return signNodeCertificate({ ca, csrPem, nodeId, clusterId, now: clock.now(), validityMs });
    }
    const subject = { csrPem, organization: clusterId, name: nodeId, host: peerName(nodeId) };
    const check = (certificatePem: string): void => {
      if (verifyPeer(certificatePem, { caPem: root, clusterId, now: clock.now() }) !== nodeId)
        throw new ClusterError("unauthenticated", "its certificate names another node");
    };
    return this.#ask({ externalCas, root, subject, check }, signal);
  }

  /** A key for statements, signed by an external CA of the root. Errors: `unavailable` with the reason. */
  async statementKey({ clusterId, root, externalCas }: StatementRequest, signal: AbortSignal): Promise<StatementKey> {
    const keyPem = await createNodeKey();
    const csrPem = await createCsr({ keyPem });
    const subject = { csrPem, organization: clusterId, name: STATEMENT_NAME, host: STATEMENT_NAME };
    const check = (certificatePem: string): void => {
      const signed = statementKeyIn(certificatePem, { caPem: root, clusterId });
      if (signed === undefined)
        throw new ClusterError("unauthenticated", "its certificate is another root's, or names something else");
    };
    return { keyPem, certificatePem: await this.#ask({ externalCas, root, subject, check }, signal) };
  }

  /**
   * Makes sure that each root whose key only external CAs have has one that works, as Docker does. With the key at hand
   * they may be named before they are there. Errors: `invalid_argument`.
   */
  async check(
    cluster: Pick<Cluster, "id" | "caPem" | "rotation" | "secrets">,
    all: readonly ExternalCa[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { id: clusterId, caPem: present, rotation, secrets } = cluster;
    const roots = {
      ...(secrets.caKeyPem === undefined && { current: present }),
      ...(rotation && secrets.next?.caKeyPem === undefined && { desired: rotation.caPem }),
    };
    for (const [which, root] of Object.entries(roots)) {
      const externalCas = externalCasOf(all, { root, present });
      if (externalCas.length === 0) continue;
      try {
        await this.statementKey({ clusterId, root, externalCas }, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw new ClusterError(
          "invalid_argument",
          `there must be at least one valid, reachable external CA corresponding to the ${which} CA certificate: ${reasonOf(error)}`,
          { cause: error },
        );
      }
    }
  }

  /** One after the other, until one has signed what is wanted. */
  async #ask(asked: Asked, signal: AbortSignal): Promise<string> {
    const { clock, log } = this.#options;
    const key = await requestedKeyIn(asked.subject.csrPem);
    const late = (): Error => new ClusterError("timeout", "the external CAs didn't answer in time");
    const reasons: string[] = [];
    const askAll = async (until: AbortSignal): Promise<string> => {
      for (const { url } of asked.externalCas) {
        try {
          const certificatePem = await this.#askOne(url, asked, until);
          const { publicKey } = parseCertificate(certificatePem);
          if (publicKey.export({ type: "spki", format: "der" }).equals(key)) return certificatePem;
          throw new ClusterError("unauthenticated", "its certificate is for another key than the request's");
        } catch (error) {
          signal.throwIfAborted();
          const reason = reasonOf(error);
          log.warn("an external CA did not sign a certificate", { url, name: asked.subject.name, reason });
          reasons.push(`${url}: ${reason}`);
          if (until.aborted) break;
        }
      }
      throw new ClusterError("unavailable", `the external CA did not sign the certificate: ${reasons.join("; ")}`);
    };
    return withDeadline({ clock, limitMs: ASK_ALL_TIMEOUT_MS, late, signals: [signal] }, askAll);
  }

  async #askOne(url: string, { root, subject, check }: Asked, signal: AbortSignal): Promise<string> {
    const { call, client, clock } = this.#options;
    if (call === undefined) throw new ClusterError("unavailable", "this node can't ask external CAs");
    const shown = client();
    const request = { url, body: signRequest(subject), caPem: root, ...(shown && { client: shown }) };
    const late = (): Error => new ClusterError("timeout", `no answer within ${String(ASK_TIMEOUT_MS / 1_000)} s`);
    const answer = await withDeadline({ clock, limitMs: ASK_TIMEOUT_MS, late, signals: [signal] }, (until) =>
      call(request, until),
    );
    const [certificatePem] = certificatesIn(signedIn(answer));
    if (certificatePem === undefined) throw new ClusterError("corrupt", "its answer has no certificate in PEM");
    check(certificatePem);
    return certificatePem;
  }
}

interface Asked {
  readonly externalCas: readonly ExternalCa[];
  readonly root: string;
  readonly subject: SigningSubject;
  /** Throws what is wrong with a certificate. */
  readonly check: (certificatePem: string) => void;
}
