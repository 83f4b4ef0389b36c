import { assert } from "@murmur/base";

export interface RaftConfig {
  /** A follower that hears of no leader for this many ticks campaigns; the actual number is random, from here… */
  readonly electionTicks: number;
  /** …up to, not including, this one. A wide range avoids split votes; the thesis advises twice electionTicks. */
  readonly electionTicksMax: number;
  /** Ticks between a leader's heartbeats. A tenth to a fifth of electionTicks. */
  readonly heartbeatTicks: number;
  /** A follower told that the leader is unreachable campaigns within this many ticks, at random. */
  readonly hintTicksMax: number;
  /** Appends that may be unanswered per follower. With maxAppendBytes and the round trip this bounds throughput. */
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  /** Bound of one append. At least maxEntryBytes. */
  readonly maxAppendBytes: number;
  /** Bound of one entry, as `entryBytes` counts. Larger proposals are refused as `too_large`. */
  readonly maxEntryBytes: number;
  /** Bounds of what a leader accepts before a quorum has it; more is refused as `overloaded`. */
  readonly maxUncommittedEntries: number;
  readonly maxUncommittedBytes: number;
  /** Bound of committed entries given out and not yet reported as applied. A single entry is always given out. */
  readonly maxApplyingBytes: number;
  /** Reads waiting for confirmation; more are refused as `overloaded`. */
  readonly maxPendingReads: number;
  /** Ask whether an election could be won before starting it, so that a cut-off node cannot raise the term. */
  readonly preVote: boolean;
  /** A leader that hears of no quorum for electionTicks steps down; followers in touch with a leader refuse votes. */
  readonly checkQuorum: boolean;
  /**
   * Answer reads without a round trip while a quorum's promise not to vote lasts. Trusts that no node's ticks come more
   * than `leaseDriftMax` times as fast as a leader's, and that a process that was paused says so (`Raft.paused`). Must be
   * the same on all nodes, since it also makes voters keep that promise for the full electionTicks, hints or not.
   */
  readonly leaseReads: boolean;
}

/** Good for a tick of 50 ms: heartbeat 100 ms, election timeout 500 to 1,000 ms. */
export const DEFAULT_CONFIG: RaftConfig = {
  electionTicks: 10,
  electionTicksMax: 20,
  heartbeatTicks: 2,
  hintTicksMax: 2,
  maxInflightMessages: 64,
  maxInflightBytes: 8 * 1024 * 1024,
  maxAppendBytes: 1536 * 1024,
  maxEntryBytes: 1536 * 1024,
  maxUncommittedEntries: 16_384,
  maxUncommittedBytes: 32 * 1024 * 1024,
  maxApplyingBytes: 16 * 1024,
  maxPendingReads: 1024,
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
};

/** The configuration with defaults filled in. Throws when limits contradict each other: a programming error. */
export function configOf(config: Partial<RaftConfig>): RaftConfig {
  const full: RaftConfig = { ...DEFAULT_CONFIG, ...config };
  if (config.electionTicks !== undefined && config.electionTicksMax === undefined) {
    return configOf({ ...config, electionTicksMax: 2 * config.electionTicks });
  }
  assert(full.heartbeatTicks >= 1, "heartbeatTicks is at least 1");
  assert(full.electionTicks > full.heartbeatTicks, "electionTicks exceeds heartbeatTicks");
  assert(full.electionTicksMax > full.electionTicks, "electionTicksMax exceeds electionTicks");
  assert(full.hintTicksMax >= 1, "hintTicksMax is at least 1");
  assert(full.maxInflightMessages >= 1, "maxInflightMessages is at least 1");
  assert(full.maxAppendBytes >= full.maxEntryBytes, "one append holds the largest entry");
  assert(full.maxInflightBytes >= full.maxAppendBytes, "the window holds the largest append");
  assert(full.maxUncommittedBytes >= full.maxEntryBytes, "the largest entry can be proposed");
  assert(full.maxUncommittedEntries >= 1, "at least one entry can be proposed");
  assert(full.maxPendingReads >= 1, "at least one read can wait");
  assert(!full.leaseReads || full.checkQuorum, "lease reads need checkQuorum");
  return full;
}

/** Silence that makes a voter believe another node's hint: two heartbeats missed, with one tick of tolerance. */
export const silenceTicks = (config: RaftConfig): number =>
  Math.min(2 * config.heartbeatTicks + 1, config.electionTicks);

/**
 * How long a leader reads by the answers to a heartbeat: a heartbeat's time less than voters keep their promise, for
 * clocks that run at different rates, and a tick, because nodes do not tick at the same moment.
 */
export const leaseTicks = (config: RaftConfig): number => config.electionTicks - config.heartbeatTicks - 1;

/** How many times as fast as a leader's ticks a voter's may come while lease reads stay true; 9/7 by default. */
export const leaseDriftMax = (config: RaftConfig): number => (config.electionTicks - 1) / leaseTicks(config);
