import { NODE_NETWORKS, nodeNetworkOf, type NodeNetwork, type TaskSpec } from "@murmur/model";
import { toNetworkResource } from "./network.ts";
import type { Network, NetworkResource } from "./network-types.ts";
import { toTimestamp } from "./time.ts";

/** The mark by which Docker's clients tell them from networks that somebody made. */
const PREDEFINED = "com.docker.swarm.predefined";

/** As a task's attachment shows it. They were there before anything else. */
function fromNodeNetwork({ id, name, driver }: NodeNetwork): Network {
  const moment = toTimestamp(0);
  return {
    ID: id,
    Version: { Index: 0 },
    CreatedAt: moment,
    UpdatedAt: moment,
    Spec: { Name: name, Labels: { [PREDEFINED]: "true" }, DriverConfiguration: { Name: driver }, Scope: "swarm" },
    DriverState: { Name: driver },
    IPAMOptions: { Driver: {} },
  };
}

/** The attachment of a task to its node's own network, which gives it no address; none for others. */
export function nodeAttachments(spec: TaskSpec): { Network: Network }[] {
  const own = nodeNetworkOf(spec);
  return own === undefined ? [] : [{ Network: fromNodeNetwork(own) }];
}

/**
 * As `/networks` shows them. As in Docker they are in no list, where each engine's own stand, and are found by their ids,
 * and by their names where only networks of the swarm are meant.
 */
export const nodeNetworkResources = (): readonly NetworkResource[] =>
  NODE_NETWORKS.map((network) => toNetworkResource(fromNodeNetwork(network)));
