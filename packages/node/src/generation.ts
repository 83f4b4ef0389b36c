import { sign, verify } from "node:crypto";
import { nodeId, type Millis, type NodeId } from "@murmur/base";
import { certificatesIn, parseCertificate } from "@murmur/identity";
import { z } from "zod";

/**
 * One life of a cluster. A cluster begins in generation 0; recovering it on a survivor, or restoring it from a backup,
 * begins another one, in which a single manager has the say that a majority of the old ones can't be asked for. Managers
 * of different generations never count each other's votes or take each other's entries, and whoever meets a later
 * generation steps over to it.
 *
 * The statement is signed with the cluster's CA key, which only managers have: no other node can make managers give up
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
}

/** Before the first recovery there is no statement, only this number. */
export const FIRST_GENERATION = 0;

type Unsigned = Omit<Generation, "signature">;

const statement = z.object({
  number: z.int().positive(),
  origin: z.enum(["recover", "restore"]),
  manager: z.object({ id: z.string().max(100), address: z.string().max(300) }),
  signature: z.string().max(1_000),
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
  cluster: { readonly clusterId: string; readonly caKeyPem: string },
): Generation {
  const signature = sign("sha256", signedBytes(unsigned, cluster.clusterId), cluster.caKeyPem).toString("base64");
  return { ...unsigned, signature };
}

/** Reads a statement of a peer, or from the disk. Undefined when it is none, or none that a root in `caPem` has signed. */
export function readGeneration(
  value: unknown,
  cluster: { readonly clusterId: string; readonly caPem: string },
): Generation | undefined {
  const parsed = statement.safeParse(value);
  if (!parsed.success) return undefined;
  const { number, origin, manager, signature } = parsed.data;
  const generation: Generation = { number, origin, manager: { ...manager, id: nodeId(manager.id) }, signature };
  return signerOf(generation, cluster) === undefined ? undefined : generation;
}

/** The root in `caPem` that has signed a statement. */
export function signerOf(
  { signature, ...unsigned }: Generation,
  { clusterId, caPem }: { readonly clusterId: string; readonly caPem: string },
): string | undefined {
  const bytes = signedBytes(unsigned, clusterId);
  return certificatesIn(caPem).find((pem) =>
    verify("sha256", bytes, parseCertificate(pem).publicKey, Buffer.from(signature, "base64")),
  );
}

const signedBytes = ({ number, origin, manager }: Unsigned, clusterId: string): Buffer =>
  Buffer.from(JSON.stringify(["murmur generation", clusterId, number, origin, manager.id, manager.address]));
