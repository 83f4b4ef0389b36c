import { z } from "zod";
import { DOCKER_TASK_STATES } from "../../docker/task-types.ts";
import { count, driver, head, id, list, moment, murmur, texts, version } from "./fields.ts";
import { genericResources, platform, port, taskSpec } from "./service.ts";

const tlsInfo = z.strictObject({
  TrustRoot: z.string().optional(),
  CertIssuerSubject: z.base64().optional(),
  CertIssuerPublicKey: z.base64().optional(),
});

const ipam = z.strictObject({
  Driver: z.strictObject({ Name: z.string().optional() }).optional(),
  Configs: z
    .array(z.strictObject({ Subnet: z.string(), Range: z.string().optional(), Gateway: z.string().optional() }))
    .optional(),
});

/** A network as what is attached to it shows it. */
const attached = z.strictObject({
  ...head,
  Spec: z.strictObject({
    Name: z.string(),
    Labels: texts,
    DriverConfiguration: z.strictObject({ Name: z.string().optional(), Options: texts.optional() }).optional(),
    IPv6Enabled: z.boolean().optional(),
    Internal: z.boolean().optional(),
    Attachable: z.boolean().optional(),
    Ingress: z.boolean().optional(),
    IPAMOptions: ipam.optional(),
    ConfigFrom: z.strictObject({ Network: z.string() }).optional(),
    Scope: z.string().optional(),
  }),
  DriverState: z.strictObject({ Name: z.string(), Options: texts.optional() }).optional(),
  IPAMOptions: ipam.optional(),
});

export const task = z.strictObject({
  ...head,
  Name: z.string().optional(),
  Labels: texts,
  Spec: taskSpec,
  ServiceID: id,
  Slot: count.optional(),
  NodeID: id.optional(),
  Status: z.strictObject({
    Timestamp: moment,
    State: z.enum(DOCKER_TASK_STATES),
    Message: z.string().optional(),
    Err: z.string().optional(),
    ContainerStatus: z.strictObject({ ContainerID: z.string(), PID: count, ExitCode: z.int() }).optional(),
    PortStatus: z.strictObject({ Ports: z.array(port).optional() }),
  }),
  DesiredState: z.enum(DOCKER_TASK_STATES),
  GenericResources: genericResources.optional(),
  NetworksAttachments: z
    .array(z.strictObject({ Network: attached, Addresses: z.array(z.string()).optional() }))
    .optional(),
  JobIteration: version.optional(),
  Murmur: murmur,
});

export const node = z.strictObject({
  ...head,
  Spec: z.strictObject({
    Name: z.string().optional(),
    Labels: texts,
    Role: z.enum(["worker", "manager"]),
    Availability: z.enum(["active", "pause", "drain"]),
    Murmur: murmur,
  }),
  Description: z.strictObject({
    Hostname: z.string(),
    Platform: platform,
    Resources: z.strictObject({
      NanoCPUs: count.optional(),
      MemoryBytes: count.optional(),
      GenericResources: genericResources.optional(),
    }),
    Engine: z.strictObject({
      EngineVersion: z.string().optional(),
      Labels: texts.optional(),
      Plugins: z.array(z.strictObject({ Type: z.string(), Name: z.string() })).optional(),
    }),
    TLSInfo: tlsInfo,
  }),
  Status: z.strictObject({
    State: z.enum(["unknown", "down", "ready", "disconnected"]),
    Message: z.string().optional(),
    Addr: z.string(),
  }),
  ManagerStatus: z
    .strictObject({
      Leader: z.boolean().optional(),
      Reachability: z.enum(["unknown", "unreachable", "reachable"]),
      Addr: z.string(),
    })
    .optional(),
  Murmur: murmur,
});

const payloadSpec = {
  Name: z.string(),
  Labels: texts,
  Templating: z.strictObject({ Name: z.string(), Options: texts.optional() }).optional(),
};

/** Without its bytes. */
export const secret = z.strictObject({
  ...head,
  Spec: z.strictObject({ ...payloadSpec, Driver: driver.optional() }),
});
export const config = z.strictObject({
  ...head,
  Spec: z.strictObject({ ...payloadSpec, Data: z.base64() }),
});

const networkContainer = z.strictObject({
  Name: z.string(),
  EndpointID: z.string(),
  MacAddress: z.string(),
  IPv4Address: z.string(),
  IPv6Address: z.string(),
});

/** A network as its own routes show it. */
export const network = z.strictObject({
  Name: z.string(),
  Id: z.string().min(1),
  Created: z.iso.datetime({ offset: true }),
  Scope: z.enum(["swarm", "local", "global"]),
  Driver: z.string(),
  EnableIPv4: z.boolean().optional(),
  EnableIPv6: z.boolean(),
  IPAM: z.strictObject({
    Driver: z.string(),
    Options: texts.nullable(),
    Config: list(
      z.strictObject({
        Subnet: z.string().optional(),
        IPRange: z.string().optional(),
        Gateway: z.string().optional(),
        AuxiliaryAddresses: texts.optional(),
      }),
    ),
  }),
  Internal: z.boolean(),
  Attachable: z.boolean(),
  Ingress: z.boolean(),
  ConfigFrom: z.strictObject({ Network: z.string() }),
  ConfigOnly: z.boolean(),
  Containers: z.record(z.string(), networkContainer).nullable(),
  Options: texts.nullable(),
  Labels: texts.nullable(),
  Peers: z.array(z.strictObject({ Name: z.string(), IP: z.string() })).optional(),
  Services: z
    .record(
      z.string(),
      z.strictObject({
        VIP: z.string(),
        Ports: z.array(z.string()),
        LocalLBIndex: z.int(),
        Tasks: z.array(
          z.strictObject({
            Name: z.string(),
            EndpointID: z.string(),
            EndpointIP: z.string(),
            Info: texts.nullable(),
          }),
        ),
      }),
    )
    .optional(),
});
export const networkMade = z.strictObject({ Id: z.string().min(1), Warning: z.string() });

const swarmSpec = z.strictObject({
  Name: z.string(),
  Labels: texts,
  Orchestration: z.strictObject({ TaskHistoryRetentionLimit: count.optional() }),
  Raft: z.strictObject({
    SnapshotInterval: count.optional(),
    KeepOldSnapshots: count.optional(),
    LogEntriesForSlowFollowers: count.optional(),
    ElectionTick: z.int(),
    HeartbeatTick: z.int(),
  }),
  Dispatcher: z.strictObject({ HeartbeatPeriod: count.optional() }),
  CAConfig: z.strictObject({
    NodeCertExpiry: count.optional(),
    ExternalCAs: z
      .array(
        z.strictObject({
          Protocol: z.string(),
          URL: z.string(),
          Options: z.record(z.string(), z.string()).optional(),
          CACert: z.string(),
        }),
      )
      .optional(),
    ForceRotate: count.optional(),
  }),
  TaskDefaults: z.strictObject({ LogDriver: driver.optional() }),
  EncryptionConfig: z.strictObject({ AutoLockManagers: z.boolean() }),
  Murmur: murmur,
});

const cluster = {
  ...head,
  Spec: swarmSpec,
  TLSInfo: tlsInfo,
  RootRotationInProgress: z.boolean(),
  DefaultAddrPool: list(z.string()),
  SubnetSize: count,
  DataPathPort: count,
  Murmur: murmur,
};
export const swarm = z.strictObject({
  ...cluster,
  JoinTokens: z.strictObject({ Worker: z.string().min(1), Manager: z.string().min(1) }),
});

/** The part of `/info` that isn't the engine's. */
export const info = z.looseObject({
  Swarm: z.strictObject({
    NodeID: z.string(),
    NodeAddr: z.string(),
    LocalNodeState: z.enum(["", "inactive", "pending", "active", "error", "locked"]),
    ControlAvailable: z.boolean(),
    Error: z.string(),
    RemoteManagers: list(z.strictObject({ NodeID: z.string(), Addr: z.string() })),
    Nodes: count.optional(),
    Managers: count.optional(),
    Cluster: z.strictObject(cluster).optional(),
  }),
});

export const versions = z.looseObject({
  Platform: z.strictObject({ Name: z.string() }),
  Components: z.array(z.strictObject({ Name: z.string(), Version: z.string(), Details: texts.nullable().optional() })),
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z.string(),
  Os: z.string(),
  Arch: z.string(),
});
