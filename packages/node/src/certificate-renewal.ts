import { messageOf, sleep, type Clock, type Log, type Millis } from "@murmur/base";
import { certificateTimes, createCsr, type NodeIdentity } from "@murmur/identity";
import { parseRenewal } from "./admission.ts";

const CHECK_MS: Millis = 60_000;

export interface RenewalOptions {
  readonly identity: () => NodeIdentity;
  /** Stores and uses what is new in the identity. */
  readonly replace: (renewed: ReturnType<typeof parseRenewal>) => void;
  /** Asks a manager to sign. */
  readonly ask: (body: { readonly csrPem: string }) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Renews the node's certificate when half of its life is over; goes on trying until it works or the node stops. */
export async function keepCertificate(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { clock, identity, replace, ask, log } = options;
  for (;;) {
    const { renewAt, notAfter } = certificateTimes(identity().certificatePem);
    if (clock.now() >= renewAt) {
      try {
        const answer = await ask({ csrPem: await createCsr({ keyPem: identity().keyPem }) });
        replace(parseRenewal(answer));
        log.info("certificate renewed");
      } catch (error) {
        signal.throwIfAborted();
        log.warn(warning(notAfter - clock.now()), { error: messageOf(error) });
      }
    }
    await sleep(clock, CHECK_MS, signal);
  }
}

function warning(leftMs: Millis): string {
  if (leftMs > 0) {
    const hours = String(Math.floor(leftMs / 3_600_000));
    return `the certificate could not be renewed, trying again in a minute; it is valid for ${hours} more hours`;
  }
  return "the certificate has expired, and no manager talks to this node any more: `murmur cluster leave --force`, then join again";
}
