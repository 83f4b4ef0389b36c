import type { ClusterNode, OwnNode } from "@murmur/model";

/** What an agent is told of its own node. */
export const ownNode = ({ spec, status, address, volumes, certificate }: ClusterNode): OwnNode => ({
  spec,
  engine: status.engine.state,
  address,
  ...(volumes !== undefined && { volumes }),
  ...(certificate !== undefined && { certificate }),
});

/**
 * Whether a change of a node's record is news for its agent. What the agent has said itself comes back to it: a report
 * that was held up on its way may have come after a newer one.
 */
export const concernsNode = (previous: ClusterNode | undefined, current: ClusterNode): boolean =>
  previous?.spec !== current.spec ||
  previous.status.engine.state !== current.status.engine.state ||
  previous.address !== current.address ||
  previous.certificate !== current.certificate;
