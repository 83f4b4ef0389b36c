import { ClusterError } from "@murmur/base";
import type { MurmurClient } from "@murmur/api";

/** The id of a node; `self` is the one that is asked. Errors: `not_in_cluster`. */
export async function nodeIdOf(client: MurmurClient, name: string): Promise<string> {
  if (name !== "self") return name;
  const { Swarm } = await client.info();
  if (Swarm.NodeID !== "") return Swarm.NodeID;
  throw new ClusterError(
    "not_in_cluster",
    "this node is in no cluster: start one with `murmur cluster init`, or join one",
  );
}
