import type { NodeId } from "@murmur/base";
import type { ClusterFacts } from "@murmur/model";
import type { MakerStanding } from "./worker.ts";

export interface MakerFacts {
  /** This node, and where its peers reach it. */
  readonly own: NodeId;
  readonly address: string | undefined;
  readonly nodes: ClusterFacts["nodes"];
  /** What gossip says of another node. */
  readonly verdict: (id: NodeId) => "alive" | "dead" | "unheard";
  /** The cluster was heard just now. */
  readonly isInformed: boolean;
}

/**
 * Who has labelled a container of this engine. No two nodes that are up have one address: a node that is not, and had
 * this node's before, was this host. One that is up has moved since, and its record hasn't followed yet. A host that has
 * both lost its disk and moved is known by its name alone; that is less certain, so it has to be so for a while.
 */
export function standingOf(maker: NodeId, { own, address, nodes, verdict, isInformed }: MakerFacts): MakerStanding {
  const record = nodes.find(({ id }) => id === maker);
  if (record === undefined) return isInformed ? "unknown" : "other";
  const presence = verdict(maker);
  if (presence === "alive") return "other";
  if (record.address === address) return presence === "dead" ? "former" : "unknown";
  return nodes.find(({ id }) => id === own)?.hostname === record.hostname ? "unknown" : "other";
}
