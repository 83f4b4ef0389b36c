import { messageOf, sleep, withSignals, type Clock, type Log, type Millis } from "@murmur/base";
import {
  certificatesIn,
  certificateTimes,
  createCsr,
  gossipKeyName,
  issuerIn,
  parseCertificate,
  parseIdentity,
  rootName,
  serializeIdentity,
  type NodeIdentity,
} from "@murmur/identity";
import type { NodeCertificate, WantedAuthority } from "@murmur/model";
import { signerOf, type Generation } from "./generation.ts";
import { parseRenewal, type Renewal } from "./renewal.ts";

const CHECK_MS: Millis = 60_000;
/** After a try that came to nothing, or not to what is wanted; it doubles up to the pause between two checks. */
const AGAIN_MS: Millis = 500;

export interface AuthorityKeeperOptions {
  readonly identity: () => NodeIdentity;
  readonly generation: () => Generation | undefined;
  /** Resolves once what is new in the identity is on the disk, and in use. */
  readonly keep: (change: Pick<NodeIdentity, "caPem"> & Partial<NodeIdentity>) => Promise<void>;
  /** The same for the statement of the generation that came with it. */
  readonly keepGeneration: (statement: unknown) => Promise<void>;
  /** Asks a manager. */
  readonly ask: (body: { readonly csrPem?: string }, signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

type Due = "certificate" | "trust" | undefined;

/**
 * Keeps a node's certificate and the roots that it trusts as the cluster wants them: renews the certificate when half of
 * its life is over, and follows the rotation of the root. What the cluster is said to want only makes the node ask; whom
 * to trust it hears from a manager that has confirmed its state, so that old news takes nothing back. It goes on trying
 * until it has it, or stops.
 */
export class AuthorityKeeper {
  readonly #options: AuthorityKeeperOptions;
  #wanted: WantedAuthority | undefined;
  #woken: AbortController | undefined;
  #hasNews = false;
  #present:
    | { readonly identity: NodeIdentity; readonly statement: Generation | undefined; readonly is: NodeCertificate }
    | undefined;

  constructor(options: AuthorityKeeperOptions) {
    this.#options = options;
  }

  /** The cluster wants this from now on. */
  follow(wanted: WantedAuthority | undefined): void {
    if (wanted === undefined || JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    this.#wanted = wanted;
    this.lookAgain();
  }

  /** Something may be due that wasn't. */
  lookAgain(): void {
    this.#hasNews = true;
    this.#woken?.abort();
  }

  /** What this node has, as the managers are told. */
  present(): NodeCertificate {
    const identity = this.#options.identity();
    const statement = this.#options.generation();
    if (this.#present?.identity === identity && this.#present.statement === statement) return this.#present.is;
    const { caPem, certificatePem, gossipKeys } = identity;
    const issuer = issuerIn(parseCertificate(certificatePem), caPem)?.fingerprint256 ?? "";
    const signer = statement && signerOf(statement, identity);
    const trusts = certificatesIn(caPem).map(rootName).toSorted();
    const keys = { gossipKeys: gossipKeys.map(gossipKeyName) };
    const is = { issuer, trusts, ...keys, ...(signer !== undefined && { statement: rootName(signer) }) };
    this.#present = { identity, statement, is };
    return is;
  }

  async run(signal: AbortSignal): Promise<void> {
    let pauseMs = AGAIN_MS;
    for (;;) {
      this.#hasNews = false;
      const due = this.#due();
      if (due === undefined) pauseMs = AGAIN_MS;
      else await this.#get(due, signal);
      await this.#rest(due === undefined ? CHECK_MS : pauseMs, signal);
      if (due !== undefined) pauseMs = this.#hasNews ? AGAIN_MS : Math.min(CHECK_MS, 2 * pauseMs);
    }
  }

  #due(): Due {
    const { identity, clock } = this.#options;
    if (clock.now() >= certificateTimes(identity().certificatePem).renewAt) return "certificate";
    if (this.#wanted === undefined) return undefined;
    const { issuer, trusts, statement = issuer } = this.present();
    const wanted = this.#wanted.trusts.map(rootName).toSorted();
    const signers = this.#wanted.issuer === undefined ? wanted : [rootName(this.#wanted.issuer)];
    if (!signers.includes(issuer) || !signers.includes(statement)) return "certificate";
    return trusts.join() === wanted.join() ? undefined : "trust";
  }

  async #get(due: "certificate" | "trust", signal: AbortSignal): Promise<void> {
    const { identity, ask, log } = this.#options;
    try {
      const body = due === "trust" ? {} : { csrPem: await createCsr({ keyPem: identity().keyPem }) };
      await this.#take(parseRenewal(await ask(body, signal)));
      log.info(due === "trust" ? "this node trusts other roots now" : "certificate renewed");
    } catch (error) {
      signal.throwIfAborted();
      log.warn(this.#warning(due), { error: messageOf(error) });
    }
  }

  async #take({ caPem, certificate, chainPem }: Renewal): Promise<void> {
    const { identity, keep, keepGeneration } = this.#options;
    const { certificatePem, generation } = certificate ?? {};
    const shown = certificate?.chainPem ?? chainPem;
    const change = {
      caPem,
      ...(certificatePem !== undefined && { certificatePem }),
      ...(shown !== undefined && { chainPem: shown }),
    };
    // An identity that its own node would refuse never gets to the disk. Throws what is wrong.
    parseIdentity(serializeIdentity({ ...identity(), ...change }));
    if (generation !== null && generation !== undefined) await keepGeneration(generation);
    await keep(change);
  }

  #warning(due: "certificate" | "trust"): string {
    const { identity, clock } = this.#options;
    if (due === "trust") return "the roots that this node is to trust could not be had, trying again";
    const leftMs = certificateTimes(identity().certificatePem).notAfter - clock.now();
    if (leftMs > 0) {
      const hours = String(Math.floor(leftMs / 3_600_000));
      return `the certificate could not be renewed, trying again; it is valid for ${hours} more hours`;
    }
    return "the certificate has expired, and no manager talks to this node any more: `murmur cluster leave --force`, then join again";
  }

  async #rest(forMs: Millis, signal: AbortSignal): Promise<void> {
    if (this.#hasNews) return;
    const woken = new AbortController();
    this.#woken = woken;
    try {
      await withSignals([signal, woken.signal], (either) => sleep(this.#options.clock, forMs, either));
    } catch {
      signal.throwIfAborted();
    }
  }
}
