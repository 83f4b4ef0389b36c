// The command line imports this file, so nothing here may load hono, zod or the store: see load-server.ts.
export { parseDaemonAddress, type DaemonAddress } from "./client/daemon-address.ts";
export { drained } from "./client/drained.ts";
export { MurmurClient, type RegistryAuth } from "./client/murmur-client.ts";
export type {
  Cancellable,
  ClientTls,
  EventOptions,
  ExecConfig,
  ExecName,
  Filters,
  ListOptions,
  LogOptions,
  MurmurClientOptions,
} from "./client/client-options.ts";
export { encodeFrame, readFrames, type Frame } from "./logs/frames.ts";
export type { DockerEvent } from "./events/swarm-event.ts";
export type { DriverConfig, Version } from "./docker/object-types.ts";
export type { ContainerSpec, HealthConfig, Mount } from "./docker/container-types.ts";
export type { DistributionInspect } from "./docker/distribution-types.ts";
export type {
  IpamConfig,
  Network,
  NetworkCreate,
  NetworkCreated,
  NetworkResource,
  NetworkService,
  NetworksPruned,
} from "./docker/network-types.ts";
export { isMisdirected } from "./error-status.ts";
export { errorResponse } from "./http/error-response.ts";
export { refuseWithGuests, type GuestsKnown } from "./http/refuse-with-guests.ts";
export { LOCKED } from "./messages.ts";
export type { FieldChange } from "./docker/difference.ts";
export type { Node, NodeDescription, NodeRole, NodeSpec } from "./docker/node-types.ts";
export type {
  Config,
  ConfigReference,
  ConfigSpec,
  FileTarget,
  PayloadCreate,
  PayloadCreated,
  Secret,
  SecretReference,
  SecretSpec,
} from "./docker/payload-types.ts";
export type {
  EndpointSpec,
  NetworkAttachmentConfig,
  Placement,
  Platform,
  PortConfig,
  PortOptions,
  GenericResource,
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
} from "./docker/service-types.ts";
export type { ClusterInfo, ExternalCA, Info, Swarm, SwarmInfo, SwarmSpec, VersionInfo } from "./docker/swarm-types.ts";
export { DOCKER_TASK_STATES, type Task, type TaskState, type TaskStatus } from "./docker/task-types.ts";
export type {
  ClusterEvent,
  ClusterInitAnswer,
  ClusterInitBody,
  ClusterSummary,
  ClusterVolume,
  CreatedVolume,
  EventKind,
  HealthAnswer,
  GossipKeyAnswer,
  JoinTokenAnswer,
  ManagerSummary,
  NodeJoinAnswer,
  NodeJoinBody,
  RecoveryManager,
  DoctorReport,
  DryRunNode,
  RecoveryPlan,
  RestoreAnswer,
  RestoreBody,
  SecretsKeyAnswer,
  SecretsKeyRotationAnswer,
  ServiceDryRun,
  ServiceExplanation,
  Rebalance,
  TaskExplanation,
  StatsAnswer,
  TaskSample,
  VolumeAnswer,
  VolumeCreate,
  VolumeDetail,
} from "./murmur-types.ts";
export { openEngine } from "./engine/http-engine.ts";
export type { Api } from "./app.ts";
export type { BackupHeader, OpenedBackup } from "./backup/backup-file.ts";
export { loadBackups, loadServer, type BackupModule, type ServerModule } from "./load-server.ts";
export type { ApiServer, ListenAddress, ServeOptions } from "./server/serve.ts";
export type { SocketAccess } from "./server/socket-file.ts";
export type {
  CalmFacts,
  ApiPorts,
  Cluster,
  Committed,
  Consistency,
  DoctorRequest,
  Engine,
  EngineAddress,
  EngineFacts,
  Forecast,
  InitRequest,
  JoinRequest,
  LocalNode,
  Metrics,
  NodeStanding,
  PlacementFacts,
  TaskMove,
  RaftStanding,
  RestoreRequest,
  ServiceChange,
  StateSnapshot,
  Tokens,
  Authority,
  GivenRoot,
  RootRequest,
} from "./ports.ts";
