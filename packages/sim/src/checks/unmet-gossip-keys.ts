import type { View } from "@murmur/store";
import type { Host } from "../world/host.ts";

/** Every node has the one key that seals the cluster's gossip: its rotation waits for nobody who is down. */
export function unmetGossipKeys(view: View, hosts: readonly Host[]): string[] {
  const cluster = view.cluster();
  if (cluster === undefined) return ["nobody knows the cluster"];
  if (cluster.gossipKey?.rotation !== undefined) return ["the gossip key is still being rotated"];
  const wanted = cluster.secrets.gossipKeys.join();
  return hosts.flatMap(({ member, name }) =>
    member === undefined || member.identity.gossipKeys.join() === wanted ? [] : [`${name} has other gossip keys`],
  );
}
