import type { GivenRoot } from "@murmur/api";
import { ClusterError, messageOf, type Millis } from "@murmur/base";
import { createCa, crossSign, givenCertificate, givenRoot, newJoinSecret, rootName } from "@murmur/identity";
import { externalCasOf, type Cluster, type ClusterSpec, type NextRoot, type StatementKey } from "@murmur/model";
import type { AuthoritySigner } from "./authority-signer.ts";

export interface NextRootOptions {
  readonly given: GivenRoot | undefined;
  readonly now: Millis;
  /** What is asked where an external CA keeps the key of the given root, and by which settings. */
  readonly outside?: {
    readonly signer: Pick<AuthoritySigner, "statementKey">;
    readonly spec: Pick<ClusterSpec, "externalCas">;
    readonly signal: AbortSignal;
  };
}

/**
 * A root that is to take the place of a cluster's, new or given, with what comes with it. Errors: those of `givenRoot`, and
 * `invalid_argument` when the key of a given one is nowhere to be had.
 */
export async function nextRoot(
  { id, caPem, secrets }: Pick<Cluster, "id" | "caPem" | "secrets">,
  { given, now, outside }: NextRootOptions,
): Promise<NextRoot> {
  const root = given === undefined ? await createCa({ clusterId: id, now }) : checkedRoot(given, now);
  const { caKeyPem } = secrets;
  return {
    root: rootName(root.certificatePem),
    caPem: `${root.certificatePem.trim()}\n`,
    ...(root.keyPem === undefined
      ? { statement: await statementKey({ id, root: root.certificatePem, present: caPem }, outside) }
      : { caKeyPem: root.keyPem }),
    ...(caKeyPem !== undefined && {
      crossPem: await crossSign({ certificatePem: caPem, keyPem: caKeyPem }, root.certificatePem, now),
    }),
    joinSecret: newJoinSecret(),
    roleSecrets: { worker: newJoinSecret(), manager: newJoinSecret() },
  };
}

const checkedRoot = ({ certificatePem, keyPem }: GivenRoot, now: Millis): GivenRoot =>
  keyPem === undefined
    ? { certificatePem: givenCertificate(certificatePem, now) }
    : givenRoot({ certificatePem, keyPem }, now);

/** What is signed for it shows that the external CA works, and is the root's. */
async function statementKey(
  { id, root, present }: { readonly id: string; readonly root: string; readonly present: string },
  outside: NextRootOptions["outside"],
): Promise<StatementKey> {
  const externalCas = externalCasOf(outside?.spec.externalCas, { root, present });
  const missing = "there must be at least one valid, reachable external CA corresponding to the desired CA certificate";
  if (outside === undefined || externalCas.length === 0)
    throw new ClusterError(
      "invalid_argument",
      `${missing}: give its key (--ca-key), or an external CA (--external-ca)`,
    );
  try {
    return await outside.signer.statementKey({ clusterId: id, root, externalCas }, outside.signal);
  } catch (error) {
    outside.signal.throwIfAborted();
    throw new ClusterError("invalid_argument", `${missing}: ${messageOf(error)}`, { cause: error });
  }
}
