import { silentLog, type Clock } from "@murmur/base";
import { AuthoritySigner } from "../authority-signer.ts";

/** What a cluster begins with, as `foundCluster` wants it, where no external CA signs and nobody gives up. */
export const firstSigner = (
  clock: Clock,
): { readonly clock: Clock; readonly signer: AuthoritySigner; readonly signal: AbortSignal } => ({
  clock,
  signer: new AuthoritySigner({ client: () => undefined, clock, log: silentLog }),
  signal: new AbortController().signal,
});
