export type {
  AssignedPayload,
  AssignmentMessage,
  ClusterFacts,
  EndpointMessage,
  OwnNode,
  PayloadMessage,
  ReportAcknowledgement,
  ReportMessage,
  SessionMessage,
  WantedAuthority,
} from "./assignment.ts";
export { payloadKey, REPORT_BATCH_MS } from "./assignment.ts";
export { isPlainObject, singleLine, unfitness } from "./check.ts";
export { validateCommand } from "./check-command.ts";
export {
  DATA_PATH_PORTS,
  DEFAULT_ADDRESS_POOL,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_DATA_PATH_PORT,
  DEFAULT_REBALANCE,
  joinSecretOf,
  subnetsOf,
  type AddressPool,
  type Cluster,
  type ClusterSecrets,
  type ClusterSpec,
  type NextRoot,
  type RaftSettings,
  type RebalancePolicy,
  type RootSecrets,
  type StatementKey,
} from "./cluster.ts";
export {
  beginGossipKey,
  GOSSIP_KEY_REST_MS,
  GOSSIP_KEY_ROTATION_MS,
  gossipKeySince,
  hasGossipKey,
  isGossipKeyDue,
  stepGossipKey,
  type GossipKeyRotation,
  type GossipKeyState,
  type NamedGossipKey,
} from "./gossip-key.ts";
export {
  requiredSealKey,
  SEAL_KEY_REST_MS,
  SEAL_KEYS_KEPT_MS,
  RESEALED_CHARS_MAX,
  RESEALED_MAX,
  sealedOtherwise,
  sealedThings,
  sealHintIn,
  sealStart,
  type ResealedThing,
  type SealedThing,
  type SealKeyName,
  type SealKeyState,
} from "./seal-key.ts";
export { EXTERNAL_CAS_MAX, externalCasOf, isSameExternalCas, isSamePem, type ExternalCa } from "./external-ca.ts";
export {
  beginRotation,
  chainBehind,
  endRotation,
  isReadyFor,
  REPLACED_ROOTS_MAX,
  rootWithoutSigner,
  signingRoot,
  trustedRoots,
  wantedIssuer,
  type RootRotation,
} from "./root-rotation.ts";
export type { Command, CommandBatch, InternalCommand, UserCommand } from "./command.ts";
export { parseDevice, unpermitted, type NodePermissions } from "./permission.ts";
export { matchesConstraint, matchesConstraints, matchesPlatforms, nodeAttribute } from "./constraint-match.ts";
export { CONSTRAINT_KEYS, formatConstraint, isSpreadLabel, parseConstraint } from "./constraint.ts";
export type { Security } from "./security.ts";
export type { ContainerSpec, Device, HealthCheck, Mount, Ulimit } from "./container-spec.ts";
export type { AttachedTask, Endpoint, EndpointTable, Guest, NetworkEntry, ServiceEndpoints } from "./endpoint.ts";
export { changeTable, joinParts, partsOf, type EndpointChange, type EndpointPart } from "./endpoint-change.ts";
export { addDigest, entryDigest, subtractDigest, tableDigest } from "./endpoint-digest.ts";
export {
  clusterId,
  configId,
  networkId,
  secretId,
  serviceId,
  taskId,
  type ClusterId,
  type ConfigId,
  type Index,
  type NetworkId,
  type SecretId,
  type ServiceId,
  type TaskId,
} from "./ids.ts";
export { credentialsKey, formatImageReference, parseImageReference, type ImageReference } from "./image-reference.ts";
export { formatIpAddress, parseIpAddress, type IpAddress } from "./ip-address.ts";
export { formatIpBlock, holdsAddress, overlaps, parseIpBlock, type IpBlock } from "./ip-block.ts";
export { LIMITS } from "./limits.ts";
export {
  LOCAL_DRIVERS,
  type LocalDriver,
  type LocalNetworking,
  DEFAULT_NETWORK_NAME,
  DNS_ZONE,
  ENGINE_ID_PART,
  engineNetworkName,
  FIRST_INGRESS,
  type DataPlaneKind,
  type Network,
  type NetworkAddress,
  type NetworkAddressing,
  type NetworkSpec,
  type Subnet,
  type SubnetSpec,
} from "./network.ts";
export {
  findNodeNetwork,
  NODE_NETWORKS,
  nodeNetworkOf,
  type NodeNetwork,
  type NodeNetworkName,
} from "./node-network.ts";
export {
  assignableAddresses,
  byHandIn,
  knownAddress,
  knownBlock,
  nodeGateway,
  nodeShare,
  nodesMax,
  type AssignableAddresses,
  type NodeShare,
} from "./network-addresses.ts";
export { hasTemplatedVolumes, LEFT_VOLUMES_MAX, namedVolumesOf, NODE_VOLUMES_MAX, taskFacts } from "./named-volumes.ts";
export {
  commonProtocol,
  hostOf,
  isLeftSlowly,
  type ClusterNode,
  type EngineStatus,
  type NodeDescription,
  type DrainGrace,
  type NodeCertificate,
  type NodeSpec,
  type NodeStatus,
} from "./node.ts";
export {
  loginSealId,
  payloadsOf,
  UNLOCK_KEY_SEAL_ID,
  type Config,
  type ConfigSpec,
  type PayloadKind,
  type PayloadUse,
  type Secret,
  type SecretSpec,
  type Sealed,
} from "./payload.ts";
export {
  configTarget,
  secretTarget,
  type ConfigReference,
  type FileTarget,
  type SecretReference,
} from "./payload-file.ts";
export { addressesOverlap, canonicalHostIp, portsOverlap, servedByProxy } from "./published-port.ts";
export { ofKind, reservedGeneric } from "./generic-resources.ts";
export { DEFAULTED_PARTS, type DefaultedPart } from "./defaulted-part.ts";
export { equal } from "./equal.ts";
export { isByDefault } from "./is-by-default.ts";
export type { RestartHistory, Service, UpdateState, UpdateStatus } from "./service.ts";
export { isRollingBack, isUpdating, updateConfigOf } from "./service-update.ts";
export {
  BALANCINGS,
  DEFAULT_RESTART,
  DEFAULT_STOP_GRACE_MS,
  DEFAULT_UPDATE,
  DYNAMIC_PORTS,
  PORT_PROTOCOLS,
  stackOf,
  STRATEGIES,
  type Balancing,
  type Constraint,
  type GenericAmounts,
  type GenericOffer,
  type LogDriver,
  type NetworkAttachment,
  type NodeLossPolicy,
  type Placement,
  type PortConfig,
  type PortOptions,
  type PortProtocol,
  type Reservations,
  type ResourceRequirements,
  type Resources,
  type RestartPolicy,
  type ServiceMode,
  type ServiceSpec,
  type Strategy,
  type TaskSpec,
  type UpdateConfig,
} from "./service-spec.ts";
export {
  AVAILABILITIES,
  DESIRED_STATES,
  holdsSlot,
  isAssigned,
  isDesiredLater,
  isLater,
  isTerminal,
  NODE_STATES,
  TASK_STATES,
  wantsToRun,
  type Availability,
  type DesiredState,
  type NodeState,
  type TaskState,
} from "./states.ts";
export {
  isLeaving,
  taskName,
  type Health,
  type LeftVolume,
  type PublishedPort,
  type Task,
  type TaskStatus,
} from "./task.ts";
export {
  containerTemplateProblem,
  expandContainer,
  expandTemplate,
  templateProblem,
  type TemplateFacts,
} from "./template/template.ts";
export {
  validateAddressPool,
  validateClusterSpec,
  validateConfigSpec,
  validateNetworkSpec,
  validateNodeSpec,
  validateSecretSpec,
  validateServiceSpec,
  validateTaskStatus,
} from "./validation.ts";
