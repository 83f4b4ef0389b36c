export { runDaemon } from "./daemon.ts";
export type { DaemonOptions } from "./daemon-options.ts";
export { LOG_LEVELS, type LogLevel } from "./pino-log.ts";
export { MURMUR_VERSION } from "./version.ts";
// For scenarios that run members over simulated wires.
export { askToJoin, type CallMember } from "./admission.ts";
export { foundCluster } from "./found-cluster.ts";
export { IdentityStore, type StoredMembership } from "./identity-store.ts";
export type { Bootstrap } from "./manager-host.ts";
export { readBackup, restoredCluster, type ReadBackup } from "./restore.ts";
export { leaveCluster } from "./leave-cluster.ts";
export { Member, type MemberStart } from "./member.ts";
export type { MemberWires } from "./member-wires.ts";
export type { DatagramHandlers } from "./member-wires.ts";
export { moveTo } from "./whereabouts.ts";
export type { LocalNodeControl } from "./local-node.ts";
export type { LocalNodeEdge } from "./local-node-options.ts";
export { openNode, type NodeOptions, type OpenedNode } from "./open-node.ts";
