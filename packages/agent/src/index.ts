export { Agent } from "./agent.ts";
export type { AgentOptions, AgentStats } from "./agent-options.ts";
export { DockerRuntime } from "./docker/docker-runtime.ts";
export { DEFAULT_ENGINE_LIMITS, type EngineLimits } from "./engine.ts";
export { TmpfsFiles } from "./docker/tmpfs-files.ts";
export { GuestWatch, type GuestWatchOptions } from "./guest-watch.ts";
export { EngineNetworks } from "./engine-networks.ts";
export {
  GossipDriver,
  type BroadcastListener,
  type Datagrams,
  type GossipDriverOptions,
  type MemberListener,
  type ReliableChannel,
} from "./gossip-driver.ts";
export { clusterLabels, containerLabels, ownerLabels, taskOf } from "./labels.ts";
export type {
  Abortable,
  Container,
  ContainerEvent,
  ContainerNetwork,
  ContainerNetworks,
  ContainerRequest,
  ContainerState,
  ContainerSummary,
  EngineGuest,
  EngineInfo,
  EngineNetwork,
  EngineVolume,
  EvictOptions,
  GuestRuntime,
  KeyValue,
  LocalNetwork,
  LocalNetworkRuntime,
  LocalPlace,
  NetworkRuntime,
  NodeContext,
  Runtime,
  Session,
  Sessions,
  TaskFile,
  TaskFiles,
  TaskNetworks,
  TidyOptions,
  Withdrawals,
} from "./ports.ts";
export { withTimeLimit } from "./time-limit.ts";
export { SimulatedContainer, type Program } from "./simulated-container.ts";
export type { SimulatedGuest } from "./simulated-guests.ts";
export { SimulatedFiles } from "./simulated-files.ts";
export { SimulatedRuntime, type RuntimeFaults, type SimulatedRuntimeOptions } from "./simulated-runtime.ts";
