import { sign, verify } from "node:crypto";
import { assert, nodeId, type Millis, type NodeId } from "@murmur/base";
import { certificatesIn, parseCertificate, statementKeyIn } from "@murmur/identity";
import { signingRoot, type Cluster } from "@murmur/model";
import { z } from "zod";

/**
 * One life of a cluster. A cluster begins in generation 0; recovering it on a survivor, or restoring it from a backup,
 * begins another one, in which a single manager has the say that a majority of the old ones can't be asked for. Managers
 * of different generations never count each other's votes or take each other's entries, and whoever meets a later
 * generation steps over to it.
 *
 * The statement is signed with the cluster's CA key, or where an external CA keeps that, with a key that it has signed for
 * this. Only managers have either: no other node can make managers give up
 * their logs by claiming that there is a later generation. When another root takes the present one's place, every node
 * gets its statement anew with its certificate, signed by that.
 */
export interface Generation {
  /** Grows from one generation to the next; the later one wins. */
  readonly number: number;
  readonly origin: "recover" | "restore";
  /** The manager that it began with, and where that was. */
  readonly manager: { readonly id: NodeId; readonly address: string };
  /** Of all the above, and of the cluster's id; base64. */
  readonly signature: string;
  /** Of the key that has signed it, where the root's own is an external CA's: signed by that, in PEM. */
  readonly signerPem?: string;
}

/** Before the first recovery there is no statement, only this number. */
export const FIRST_GENERATION = 0;

type Unsigned = Omit<Generation, "signature" | "signerPem">;

const statement = z.object({
  number: z.int().positive(),
  origin: z.enum(["recover", "restore"]),
  manager: z.object({ id: z.string().max(100), address: z.string().max(300) }),
  signature: z.string().max(1_000),
  signerPem: z.string().max(65_536).optional(),
});

/** Steps of a generation's number for each millisecond. */
const STEPS = 1_024;

/**
 * The number of a generation that begins now: the time, so that of two that don't know each other the later one wins, and
 * something random, so that two at once still differ. Later than `after` in any case, whatever the clock says.
 */
export const nextNumber = (now: Millis, after: number, random: (bound: number) => number): number =>
  Math.max(Math.floor(now) * STEPS, after + 1) + random(STEPS);

export function signGeneration(
  unsigned: Unsigned,
  { clusterId, by }: { readonly clusterId: string; readonly by: StatementSigner },
): Generation {
  const signature = sign("sha256", signedBytes(unsigned, clusterId), by.keyPem).toString("base64");
  const { signerPem } = by;
  return { ...unsigned, signature, ...(signerPem !== undefined && { signerPem }) };
}

/** What signs statements: the root's key, or one that the root has signed. */
export interface StatementSigner {
  readonly keyPem: string;
  readonly signerPem?: string;
}

/** What signs a cluster's statements now. */
export function statementSigner(cluster: Pick<Cluster, "caPem" | "rotation" | "secrets">): StatementSigner {
  const { keyPem, statement: delegate } = signingRoot(cluster);
  if (keyPem !== undefined) return { keyPem };
  assert(delegate !== undefined, "a root without its key comes with a key for statements");
  return { keyPem: delegate.keyPem, signerPem: delegate.certificatePem };
}

/** Reads a statement of a peer, or from the disk. Undefined when it is none, or none that a root in `caPem` has signed. */
export function readGeneration(
  value: unknown,
  cluster: { readonly clusterId: string; readonly caPem: string },
): Generation | undefined {
  const parsed = statement.safeParse(value);
  if (!parsed.success) return undefined;
  const { number, origin, manager, signature, signerPem } = parsed.data;
  const generation: Generation = {
    number,
    origin,
    manager: { ...manager, id: nodeId(manager.id) },
    signature,
    ...(signerPem !== undefined && { signerPem }),
  };
  return signerOf(generation, cluster) === undefined ? undefined : generation;
}

/** The root in `caPem` that has signed a statement. */
export function signerOf(
  { signature, signerPem, ...unsigned }: Generation,
  { clusterId, caPem }: { readonly clusterId: string; readonly caPem: string },
): string | undefined {
  const bytes = signedBytes(unsigned, clusterId);
  if (signerPem !== undefined) {
    const signer = statementKeyIn(signerPem, { caPem, clusterId });
    const isSigned = signer !== undefined && verify("sha256", bytes, signer.key, Buffer.from(signature, "base64"));
    return isSigned ? signer.root : undefined;
  }
  return certificatesIn(caPem).find((pem) =>
    verify("sha256", bytes, parseCertificate(pem).publicKey, Buffer.from(signature, "base64")),
  );
}

const signedBytes = ({ number, origin, manager }: Unsigned, clusterId: string): Buffer =>
  Buffer.from(JSON.stringify(["murmur generation", clusterId, number, origin, manager.id, manager.address]));
