import {
  beginGossipKey,
  GOSSIP_KEY_REST_MS,
  hasGossipKey,
  isGossipKeyDue,
  stepGossipKey,
  type Cluster,
  type Command,
} from "@murmur/model";
import { noCluster } from "./decide-cluster.ts";
import { accepted, putCluster, type Context, type Decision } from "./decision.ts";
import { refused } from "./result.ts";
import { nameOfNode } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function rotateGossipKey(context: Context, { next, ifDue }: Of<"rotateGossipKey">): Decision {
  const cluster = context.state.cluster();
  if (cluster === undefined) return noCluster();
  if (ifDue === true && !isGossipKeyDue(cluster, context.now))
    return refused("out_of_date", "the gossip key isn't due, or is being rotated by now");
  if (cluster.gossipKey?.rotation !== undefined) {
    return refused(
      "failed_precondition",
      "the gossip key is being rotated already: `murmur cluster gossip-key` shows how far it is",
    );
  }
  return change(context, cluster, beginGossipKey(cluster, next, context.now));
}

/** The leader's own. Who is ready is looked at here, too: a node may have come up since. */
export function advanceGossipKey(context: Context, { name, phase }: Of<"advanceGossipKey">): Decision {
  const cluster = context.state.cluster();
  if (cluster === undefined) return noCluster();
  const { rotation } = cluster.gossipKey ?? {};
  if (rotation === undefined || rotation.name !== name || rotation.phase !== phase)
    return refused("out_of_date", "the rotation of the gossip key is another one, or further, by now");
  if (context.now < rotation.steppedAt + GOSSIP_KEY_REST_MS)
    return refused("failed_precondition", "what was sealed before may be on its way still");
  const late = context.state.nodes().find((node) => !hasGossipKey(rotation, node));
  if (late !== undefined)
    return refused("failed_precondition", `node ${nameOfNode(late)} hasn't got the gossip key yet`);
  return change(context, cluster, stepGossipKey(cluster, context.now));
}

const change = ({ index, now }: Context, cluster: Cluster, what: Partial<Cluster>): Decision =>
  accepted(cluster.id, [putCluster({ ...cluster, ...what, updatedAt: now, version: index })]);
