import type { GivenRoot } from "@murmur/api";
import type { Millis } from "@murmur/base";
import { createCa, crossSign, givenRoot, newJoinSecret, rootName } from "@murmur/identity";
import type { Cluster, NextRoot } from "@murmur/model";

/** A root that is to take the place of a cluster's, new or given, with what comes with it. Errors: those of `givenRoot`. */
export async function nextRoot(
  { id, caPem, secrets }: Pick<Cluster, "id" | "caPem" | "secrets">,
  { given, now }: { readonly given: GivenRoot | undefined; readonly now: Millis },
): Promise<NextRoot> {
  const root = given === undefined ? await createCa({ clusterId: id, now }) : givenRoot(given, now);
  const present = { certificatePem: caPem, keyPem: secrets.caKeyPem };
  return {
    root: rootName(root.certificatePem),
    caPem: `${root.certificatePem.trim()}\n`,
    caKeyPem: root.keyPem,
    crossPem: await crossSign(present, root.certificatePem, now),
    joinSecret: newJoinSecret(),
    roleSecrets: { worker: newJoinSecret(), manager: newJoinSecret() },
  };
}
