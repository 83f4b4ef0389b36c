import { trustedRoots, wantedIssuer, type Cluster, type ClusterFacts, type WantedAuthority } from "@murmur/model";
import type { View } from "@murmur/store";

/** What every agent is told of the cluster. */
export function clusterFacts(view: View): ClusterFacts {
  const cluster = view.cluster();
  const { secrets, dataPathPort } = cluster ?? {};
  return {
    nodes: view.nodes().map((node) => ({
      id: node.id,
      hostname: node.description?.hostname ?? node.spec.name ?? node.id,
      address: node.address,
      raftRole: node.raftRole,
      ...(node.number !== undefined && { number: node.number }),
    })),
    gossipKeys: secrets?.gossipKeys ?? [],
    ...(cluster !== undefined && { authority: wantedAuthority(cluster) }),
    ...(dataPathPort !== undefined && { dataPathPort }),
  };
}

function wantedAuthority(cluster: Cluster): WantedAuthority {
  const issuer = wantedIssuer(cluster);
  return { trusts: trustedRoots(cluster), ...(issuer !== undefined && { issuer }) };
}
