import { ClusterError, isId, type NodeId } from "@murmur/base";
import type { Manager } from "@murmur/manager";
import { z } from "zod";
import { authorityTexts, keyDigest, statementAnew } from "./admission.ts";
import type { AuthoritySigner } from "./authority-signer.ts";
import type { Generation } from "./generation.ts";

export const RENEW_METHOD = "renew";

/** Without a request for a certificate a node only asks whom it is to trust. */
const renewalRequest = z.object({ csrPem: z.string().max(10_000).optional() });
const renewal = z.object({
  caPem: z.string(),
  certificate: z.object({ certificatePem: z.string(), chainPem: z.string(), generation: z.unknown() }).optional(),
  /** What is shown behind the certificate that the node has; left out: as before. */
  chainPem: z.string().optional(),
});
export type Renewal = z.infer<typeof renewal>;

/**
 * Says, on a manager, whom a node of the cluster is to trust, and signs a new certificate for it if it asks for one; the
 * node has shown its present one to the transport. With the certificate comes the statement of the cluster's generation,
 * signed by the same root: a root that is dropped later leaves nothing behind that only it had signed.
 */
export async function renew(
  manager: Manager,
  {
    from,
    body,
    generation,
  }: { readonly from: NodeId; readonly body: unknown; readonly generation: Generation | undefined },
  options: { readonly signer: Pick<AuthoritySigner, "sign">; readonly signal: AbortSignal },
): Promise<Renewal> {
  const view = await manager.read(options.signal);
  const cluster = view.cluster();
  if (cluster === undefined || view.node(from) === undefined || !isId(from)) {
    throw new ClusterError("forbidden", "this node was removed from the cluster");
  }
  const { csrPem } = renewalRequest.parse(body);
  const { caPem, chainPem } = authorityTexts(cluster);
  // While a root takes another's place, certificates of both are around, with what is to be shown behind each.
  if (csrPem === undefined) return { caPem, ...(cluster.rotation === undefined && { chainPem }) };
  const certificatePem = await options.signer.sign({ cluster, csrPem, nodeId: from }, options.signal);
  if (keyDigest(certificatePem) !== view.node(from)?.keyDigest) {
    throw new ClusterError("forbidden", "a node is its key: the renewal names another one");
  }
  return { caPem, certificate: { certificatePem, chainPem, generation: statementAnew(generation, cluster) } };
}

/** Reads what `renew` answered. */
export const parseRenewal = (answer: unknown): Renewal => renewal.parse(answer);
