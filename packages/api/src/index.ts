// The command line imports this file, so nothing here may load hono, zod or the store: see load-server.ts.
export { parseDaemonAddress, type DaemonAddress } from "./client/daemon-address.ts";
export {
  MurmurClient,
  type Cancellable,
  type EventOptions,
  type Filters,
  type ListOptions,
  type MurmurClientOptions,
  type RegistryAuth,
} from "./client/murmur-client.ts";
export type { ContainerSpec, DriverConfig, HealthConfig, Mount } from "./docker/container-types.ts";
export type {
  IpamConfig,
  Network,
  NetworkCreate,
  NetworkCreated,
  NetworkResource,
  NetworkService,
  NetworksPruned,
} from "./docker/network-types.ts";
export type { Node, NodeDescription, NodeRole, NodeSpec } from "./docker/node-types.ts";
export type {
  EndpointSpec,
  NetworkAttachmentConfig,
  Placement,
  PortConfig,
  PortOptions,
  ResourceRequirements,
  Resources,
  RestartPolicy,
  Service,
  ServiceCreated,
  ServiceMode,
  ServiceSpec,
  ServiceStatus,
  ServiceUpdated,
  TaskSpec,
  UpdateConfig,
  UpdateStatus,
  Version,
} from "./docker/service-types.ts";
export type { ClusterInfo, Info, Swarm, SwarmInfo, SwarmSpec, VersionInfo } from "./docker/swarm-types.ts";
export { DOCKER_TASK_STATES, type Task, type TaskState, type TaskStatus } from "./docker/task-types.ts";
export type {
  ClusterEvent,
  ClusterInitAnswer,
  ClusterInitBody,
  ClusterSummary,
  EventKind,
  HealthAnswer,
  JoinTokenAnswer,
  ManagerSummary,
  NodeJoinAnswer,
  NodeJoinBody,
  RecoveryManager,
  DoctorReport,
  RecoveryPlan,
  RestoreAnswer,
  RestoreBody,
} from "./murmur-types.ts";
export { openEngine } from "./engine/http-engine.ts";
export type { Api } from "./app.ts";
export type { BackupHeader, OpenedBackup } from "./backup/backup-file.ts";
export { loadBackups, loadServer, type BackupModule, type ServerModule } from "./load-server.ts";
export type { ApiServer, ListenAddress, ServeOptions } from "./server/serve.ts";
export type { SocketAccess } from "./server/socket-file.ts";
export type {
  ApiPorts,
  Cluster,
  Committed,
  Consistency,
  DoctorRequest,
  Engine,
  EngineAddress,
  EngineFacts,
  InitRequest,
  JoinRequest,
  LocalNode,
  Metrics,
  NodeStanding,
  RaftStanding,
  RestoreRequest,
  StateSnapshot,
  Tokens,
} from "./ports.ts";
