import { nodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_RESTART,
  NODE_NETWORKS,
  serviceId,
  taskId,
  type ContainerSpec,
  type DesiredState,
  type NodeNetworkName,
  type Task,
  type TaskStatus,
} from "@murmur/model";
import type { NodeContext } from "../ports.ts";

/** For tests: a task of the service `web` on `SAMPLE_NODE`, as its node gets it, with what the test cares about. */
export function sampleTask(
  number: number,
  parts: Partial<Omit<Task, "id" | "spec">> & {
    readonly container?: Partial<ContainerSpec>;
    /** The network of its node that it is in. */
    readonly nodeNetwork?: NodeNetworkName;
  } = {},
): Task {
  const { container, nodeNetwork, ...rest } = parts;
  const own = NODE_NETWORKS.filter(({ name }) => name === nodeNetwork);
  const id = taskId(`task${String(number).padStart(21, "0")}`);
  const resources = {
    reservations: { nanoCpus: 0, memoryBytes: 0 },
    limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
  };
  return {
    serviceId: serviceId("service1".padEnd(25, "0")),
    serviceName: "web",
    slot: number,
    nodeId: SAMPLE_NODE.nodeId,
    specVersion: 1,
    serviceLabels: {},
    endpointPorts: [{ protocol: "tcp", targetPort: 8080, publishedPort: 80, mode: "ingress" }],
    networks: [],
    desiredState: "running",
    status: ASSIGNED,
    createdAt: 1_000,
    updatedAt: 1_000,
    version: 1,
    ...rest,
    id,
    spec: {
      container: { image: "web:1", ...container },
      resources,
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: own.map(({ id: target }) => ({ target, aliases: [] })),
      forceUpdate: 0,
    },
  };
}

export const ASSIGNED: TaskStatus = { state: "assigned", at: 1_000, message: "scheduler assigned task to node" };

export const SAMPLE_NODE: NodeContext = {
  nodeId: nodeId("node1".padEnd(25, "0")),
  clusterId: clusterId("cluster1".padEnd(25, "0")),
  dataAddress: "127.0.0.1",
  dataPlane: "ports",
};

/** The same task with another wish of the manager. */
export const wanting = (task: Task, desiredState: DesiredState): Task => ({ ...task, desiredState });
