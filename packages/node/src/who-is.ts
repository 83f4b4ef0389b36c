import { ClusterError, isId, nodeId, type Clock, type Millis, type NodeId } from "@murmur/base";
import { certificatesIn, rootName } from "@murmur/identity";
import type { CallMember } from "./admission.ts";

/** Asks a node who it is. Anybody may: its certificate says the same. */
export const WHO_METHOD = "who";

export interface WhoIsOptions {
  /** Roots of the cluster that the node must be in. */
  readonly caPem: string;
  readonly call: (signal: AbortSignal) => CallMember;
  readonly clock: Clock;
  readonly limitMs: Millis;
  readonly signal: AbortSignal;
}

/**
 * Which node of the cluster answers at an address. What follows from it is no matter of trust: whoever speaks with that
 * node checks its certificate. Errors: `unauthenticated` for a node of another cluster, and those of a call.
 */
export async function whoIs(address: string, options: WhoIsOptions): Promise<NodeId> {
  const { caPem, call, clock, limitMs, signal } = options;
  const trusted = new Set(certificatesIn(caPem).map(rootName));
  const caDigestCheck = (authoritiesPem: string): void => {
    if (certificatesIn(authoritiesPem).some((pem) => trusted.has(rootName(pem)))) return;
    throw new ClusterError("unauthenticated", `the node at ${address} is in another cluster`);
  };
  const asking = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const end = (reason: Error): void => {
    reject(reason);
    asking.abort(reason);
  };
  const timer = clock.setTimer(limitMs, () => end(new ClusterError("unavailable", `nobody answers at ${address}`)));
  const onAbort = (): void => end(new ClusterError("cancelled", "nobody waits for the answer any more"));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    call(asking.signal)(address, { caDigestCheck, method: WHO_METHOD, body: {} }).then(resolve, reject);
    const answer = await promise;
    if (typeof answer === "string" && isId(answer)) return nodeId(answer);
    throw new ClusterError("unsupported", `what answers at ${address} doesn't say which node it is`);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
