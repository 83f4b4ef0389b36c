import { ClusterError, isId, nodeId, type Clock, type Millis, type NodeId } from "@murmur/base";
import { caDigest, checkCaDigest } from "@murmur/identity";
import { lastCertificate, type CallMember } from "./admission.ts";

/** Asks a node who it is. Anybody may: its certificate says the same. */
export const WHO_METHOD = "who";

export interface WhoIsOptions {
  /** Of the cluster that the node must be in. */
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
  const digest = caDigest(caPem);
  const caDigestCheck = (chainPem: string): void => {
    if (checkCaDigest(lastCertificate(chainPem), digest)) return;
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
