import type { NetworkResource, Node, Service, Task, TaskState } from "@murmur/api";

const AT = "2026-11-21T03:00:00.000000000Z";
const stamps = { Version: { Index: 5 }, CreatedAt: AT, UpdatedAt: AT };

export const aService = (name: string, change: Partial<Service> = {}): Service => ({
  ID: `${name}-id`.padEnd(25, "x"),
  ...stamps,
  Spec: { Name: name, Mode: { Replicated: { Replicas: 2 } }, TaskTemplate: { ContainerSpec: { Image: "nginx:1" } } },
  Endpoint: { Spec: {} },
  Murmur: { SpecVersion: 5, Removing: false },
  ...change,
});

export interface TaskStart {
  readonly slot: number;
  readonly id?: string;
  readonly state?: TaskState;
  readonly desired?: TaskState;
  readonly error?: string;
  readonly specVersion?: number;
  readonly health?: "starting" | "healthy" | "unhealthy";
  /** Seconds after the service. */
  readonly after?: number;
}

export function aTask(service: Service, start: TaskStart): Task {
  const at = new Date(Date.parse(AT) + (start.after ?? 0) * 1000).toISOString();
  const { Name = "" } = service.Spec;
  const id = (start.id ?? `${Name}t${String(start.slot)}`).padEnd(25, "x");
  return {
    ID: id,
    ...stamps,
    CreatedAt: at,
    Labels: {},
    Spec: service.Spec.TaskTemplate,
    ServiceID: service.ID,
    Slot: start.slot,
    NodeID: "n1".padEnd(25, "x"),
    Status: {
      Timestamp: at,
      State: start.state ?? "running",
      Message: "started",
      PortStatus: {},
      ...(start.error === undefined ? {} : { Err: start.error }),
    },
    DesiredState: start.desired ?? "running",
    Murmur: {
      Name: `${Name}.${String(start.slot)}.${id}`,
      ServiceName: Name,
      Slot: start.slot,
      SpecVersion: start.specVersion ?? 5,
      ...(start.health === undefined ? {} : { Health: start.health }),
    },
  };
}

export const aNode = (hostname: string, change: Partial<Node> = {}): Node => ({
  ID: "n1".padEnd(25, "x"),
  ...stamps,
  Spec: { Role: "manager", Availability: "active", Labels: { zone: "east" } },
  Description: {
    Hostname: hostname,
    Platform: { OS: "linux", Architecture: "x86_64" },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 4 * 2 ** 30 },
    Engine: { EngineVersion: "28.0.1" },
  },
  Status: { State: "ready", Addr: "10.0.0.1" },
  ManagerStatus: { Leader: true, Reachability: "reachable", Addr: "10.0.0.1:7373" },
  Murmur: { Address: "10.0.0.1:7373", RaftRole: "voter", EngineState: "ready", EngineMessage: "", Version: "1.2.3" },
  ...change,
});

export const aNetwork = (name: string, change: Partial<NetworkResource> = {}): NetworkResource => ({
  Name: name,
  Id: `${name}-id`.padEnd(25, "x"),
  Created: AT,
  Scope: "swarm",
  Driver: "overlay",
  EnableIPv6: false,
  IPAM: { Driver: "default", Options: null, Config: [{ Subnet: "10.9.0.0/24", Gateway: "10.9.0.1" }] },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Containers: null,
  Options: null,
  Labels: {},
  ...change,
});
