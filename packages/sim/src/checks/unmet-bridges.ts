import type { NodeId } from "@murmur/base";
import { networkId } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Host } from "../world/host.ts";
import { idOf } from "./unmet-managers.ts";

/**
 * Every network that a host's engine has for the cluster is one that the cluster has, and that node's own: one that is left of
 * a node that the host was before gives out addresses of that node's share.
 */
export const unmetBridges = (view: View, hosts: readonly Host[]): string[] =>
  hosts.flatMap((host) => {
    const own: NodeId | undefined = idOf(host);
    return host.engine.bridges().flatMap(({ name, labels }) => {
      const [id, owner] = [labels["io.murmur.network"], labels["murmur.node.id"]];
      if (id === undefined || view.network(networkId(id)) === undefined)
        return [`the engine of ${host.name} has network ${name}, which the cluster hasn't`];
      return owner === own
        ? []
        : [`the engine of ${host.name} has network ${name} of node ${owner ?? ""}, not its own`];
    });
  });
