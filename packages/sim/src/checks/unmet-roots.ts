import { isReadyFor, trustedRoots } from "@murmur/model";
import { certificatesIn, rootName } from "@murmur/identity";
import type { View } from "@murmur/store";
import type { Host } from "../world/host.ts";

/**
 * Every node trusts the cluster's root alone and shows a certificate of it. A rotation waits for nodes that aren't there,
 * and for nobody else.
 */
export function unmetRoots(view: View, hosts: readonly Host[]): string[] {
  const cluster = view.cluster();
  if (cluster === undefined) return ["nobody knows the cluster"];
  const { rotation } = cluster;
  if (rotation !== undefined) {
    const late = view.nodes().filter(({ certificate }) => !isReadyFor(rotation, certificate));
    if (late.some(({ status }) => status.state === "down")) return [];
    return [`the root is still being rotated, for ${String(late.length)} nodes`];
  }
  const wanted = trustedRoots(cluster).map(rootName).join();
  return hosts.flatMap((host) => {
    const { member, name } = host;
    if (member === undefined) return [];
    const { issuer, statement = issuer } = member.certificate();
    const trusts = certificatesIn(member.identity.caPem).map(rootName).join();
    return trusts === wanted && issuer === wanted && statement === wanted
      ? []
      : [`${name} has another root than the cluster`];
  });
}
