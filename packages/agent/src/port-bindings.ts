import { nodeNetworkOf, type PortProtocol, type Task } from "@murmur/model";
import type { NodeContext } from "./ports.ts";

/** A port of the container that the engine publishes on the node. */
export interface PortBinding {
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  /** Empty: all addresses. */
  readonly hostIp: string;
  /** 0: one that the engine chooses. */
  readonly hostPort: number;
}

/**
 * What the engine publishes for a task. A port in host mode is published as it is, on all addresses or its own. In the `ports` data
 * plane every other target port is published once, on the address where the other nodes' proxies reach this node,
 * whatever number of published ports lead to it; in the `overlay` plane it is reached at the task's own address. A task in
 * its node's own namespace needs nothing published: its program listens on the node's ports itself.
 */
export function portBindings(task: Task, node: Pick<NodeContext, "dataAddress" | "dataPlane">): readonly PortBinding[] {
  const own = nodeNetworkOf(task.spec)?.name;
  if (own === "host" || own === "none") return [];
  const bindings = new Map<string, PortBinding>();
  for (const { protocol, targetPort, publishedPort, mode, hostIp = "" } of task.endpointPorts) {
    const host = mode === "host";
    if (!host && node.dataPlane === "overlay") continue;
    const binding: PortBinding = host
      ? { protocol, targetPort, hostIp, hostPort: publishedPort }
      : { protocol, targetPort, hostIp: node.dataAddress, hostPort: 0 };
    bindings.set(`${protocol} ${String(targetPort)} ${binding.hostIp} ${String(binding.hostPort)}`, binding);
  }
  return [...bindings.values()];
}
