import type { View } from "@murmur/store";
import { toTimestamp } from "../docker/time.ts";
import type { ClusterSummary, ManagerSummary } from "../murmur-types.ts";
import type { NodeStanding, RaftStanding } from "../ports.ts";
import { clusterOf } from "./swarm-routes.ts";

/** What this replica can say of the cluster without asking anybody. */
export function summarize(
  view: View,
  raft: RaftStanding,
  own: { readonly node: NodeStanding; readonly rebalance: string | undefined },
): ClusterSummary {
  const { node, rebalance } = own;
  const cluster = clusterOf(view);
  const nodes = view.nodes();
  let running = 0;
  for (const task of view.tasks()) if (task.status.state === "running") running += 1;
  const managers = nodes.flatMap((manager): ManagerSummary[] => {
    if (manager.raftRole === "none") return [];
    return [
      {
        id: manager.id,
        hostname: manager.description?.hostname ?? manager.hostname ?? "",
        address: manager.address,
        role: manager.id === raft.leader ? "leader" : manager.raftRole,
        state: manager.status.state,
      },
    ];
  });
  return {
    id: cluster.id,
    name: cluster.spec.name,
    createdAt: toTimestamp(cluster.createdAt),
    dataPlane: cluster.dataPlane ?? "ports",
    version: view.version,
    term: raft.term,
    generation: raft.generation,
    ...(raft.leader === undefined ? {} : { leader: raft.leader }),
    votersWanted: cluster.spec.voters,
    strategy: cluster.spec.strategy ?? "spread",
    ...(rebalance === undefined ? {} : { rebalance }),
    managers,
    nodes: { total: nodes.length, ready: nodes.filter(({ status }) => status.state === "ready").length },
    services: view.services().filter(({ removing }) => removing !== true).length,
    tasks: { total: view.taskCount, running },
    thisNode: thisNode(node),
  };
}

/** The part of a summary that only the node that was asked can fill in. */
export function thisNode(node: NodeStanding): ClusterSummary["thisNode"] {
  if (node.state !== "active") return { id: "", address: "", manager: false };
  return { id: node.nodeId, address: node.address, manager: node.manager };
}
