export { wholeState, writeFirstSnapshot, type PositionedState } from "./first-snapshot.ts";
export type { Forecast, ServiceChange } from "./forecast.ts";
export { Manager, type ManagerStatus, type StateSnapshot } from "./manager.ts";
export type { ManagerOptions } from "./manager-options.ts";
export type {
  GossipVerdict,
  Liveness,
  LogEntry,
  LogStorage,
  Peers,
  SessionChannel,
  SnapshotMeta,
  SnapshotReader,
  SnapshotReceiver,
} from "./ports.ts";
export { DEFAULT_SNAPSHOT_LIMITS, type SnapshotLimits } from "./snapshotter.ts";
export { planVoters, voterCount, type MembershipFacts, type VoterCandidate, type VoterPlan } from "./voter-plan.ts";
