import { ClusterError, type Millis } from "@murmur/base";

/**
 * The settings of the membership protocol. Every node of a cluster should have the same ones; nodes whose settings
 * differ still understand each other. `n` is the number of live members, this node included.
 */
export interface SwimConfig {
  /**
   * Time between two probes by one node, and the time one probe has for its answers (SWIM's protocol period). Each
   * node probes one member a period, so a member is probed about once a period by somebody. Shorter finds failures
   * sooner, at 2 packets a node and period.
   */
  probeIntervalMs: Millis;
  /**
   * How long a direct probe waits before it asks others to probe. A little above the 99th percentile of the round trip
   * of a busy node; what remains of the period is the time the indirect probes have.
   */
  probeTimeoutMs: Millis;
  /** How many members are asked for an indirect probe (SWIM's k). More survive more loss and cost more packets. */
  indirectProbes: number;

  /**
   * Lifeguard's LHA-Probe: a node that sees signs of its own bad health (failed probes whose helpers keep silent,
   * accusations to refute, stalls) multiplies probe interval and timeout by its health score + 1.
   */
  lhaProbe: boolean;
  /** Lifeguard's LHA-Suspicion: the suspicion time starts at its maximum and falls with independent confirmations. */
  lhaSuspicion: boolean;
  /** Lifeguard's Buddy system: whoever sends a packet to a suspected member tells it so in that packet. */
  buddy: boolean;
  /**
   * Our own: a death that another declares counts as full confirmation of a suspicion, not as a death. Costs nothing when
   * the death is real; without it one node that was cut off can declare all others dead for a moment.
   */
  doubtDeaths: boolean;
  /** Calls that come later than `stallThresholdMs` count as a stall of this node; see `stall-guard.ts`. */
  stallGuard: boolean;

  /** The highest health score. The slowest probe interval is `probeIntervalMs` × (healthMax + 1). */
  healthMax: number;
  /**
   * α: the shortest suspicion is α × max(1, log10(n)) × probeIntervalMs. A larger α gives a slow member more time to
   * refute; a failure is reported later by as much.
   */
  suspicionAlpha: number;
  /** β: the longest suspicion is β × the shortest. Applies while nobody confirms: the accuser itself may be ill. */
  suspicionBeta: number;
  /** K: independent confirmations that bring the suspicion down to its shortest. At most n − 2 are ever asked for. */
  suspicionConfirmations: number;
  /**
   * How late a tick may be before this node counts itself as stalled. Lateness above about half of `probeTimeoutMs`
   * makes the outcome of a probe doubtful; a lower value makes busy nodes detect less.
   */
  stallThresholdMs: Millis;

  /**
   * Time between two rounds of gossip while there is something to tell; an idle cluster sends none. News reach n
   * members in about log(n) / log(gossipFanout + 1) rounds, and a few more for the last ones.
   */
  gossipIntervalMs: Millis;
  /** Members told in each round of gossip. */
  gossipFanout: number;
  /** For how long a dead member is still told news, so that it can refute if it lives. */
  gossipToDeadMs: Millis;
  /**
   * Every node that has learnt a rumour sends it ceil(ln(n + 1) + margin) times. When all n nodes send it k times at
   * random it misses somebody with probability n·e^−k, so about e^−margin: 1 of 3,000 at 8. SWIM's and memberlist's
   * λ·log(n) saves packets in small clusters, where it misses somebody once in a hundred times.
   */
  retransmitMargin: number;

  /**
   * Time between two full exchanges of state with a random member, × (1 + ceil(log2(n / 32))) in clusters above 32.
   * Repairs what gossip missed; costs about 100 bytes a member each time.
   */
  exchangeIntervalMs: Millis;
  /**
   * The pause after an exchange that brought news; it doubles with each that brings none, up to the interval above. So
   * a crowd that joins at once, or two halves that meet again, agree within seconds, and a calm cluster is quiet.
   */
  exchangeHurryMs: Millis;
  /** The largest message of an exchange; a larger state goes in several messages. */
  exchangeBytesMax: number;
  /** Time between two attempts to reach a dead member, or a seed while this node is alone. */
  reconnectIntervalMs: Millis;
  /** Attempts the whole cluster makes in each interval per dead member; each node does its share at random. */
  reconnectFanout: number;
  /** For how long a dead or left member is remembered, so that old messages cannot revive it. */
  reclaimMs: Millis;
  /** How long a leaving node waits for its farewell to spread. */
  leaveTimeoutMs: Millis;

  /** Most members known, dead ones included. When full, the longest dead is forgotten; without any, newcomers wait. */
  membersMax: number;
  /** Most rumours waiting to be sent. When full, the most often sent one is dropped. */
  queueMax: number;
  /** Most indirect probes under way for others. When full, the asker gets its nack at once. */
  relaysMax: number;
  /** Most publications remembered. When full, the oldest is forgotten, and no older one of its origin is delivered. */
  publicationsMax: number;
  /** The longest life of a publication. */
  publicationTtlMaxMs: Millis;
}

/**
 * Aims: a host that is cut off is declared dead within about 2 s in a cluster of 3 and 5 s in one of 100. With n = 3:
 * first probe 0–2 periods (0–0.8 s) + one period for its failure (0.4 s) + shortest suspicion (3 × 1 × 0.4 = 1.2 s).
 */
export const DEFAULT_CONFIG: SwimConfig = {
  probeIntervalMs: 400,
  probeTimeoutMs: 200,
  indirectProbes: 3,
  lhaProbe: true,
  lhaSuspicion: true,
  buddy: true,
  doubtDeaths: true,
  stallGuard: true,
  healthMax: 8,
  suspicionAlpha: 3,
  suspicionBeta: 6,
  suspicionConfirmations: 3,
  stallThresholdMs: 100,
  gossipIntervalMs: 100,
  gossipFanout: 3,
  gossipToDeadMs: 30_000,
  retransmitMargin: 8,
  exchangeIntervalMs: 30_000,
  exchangeHurryMs: 1_000,
  exchangeBytesMax: 65_536,
  reconnectIntervalMs: 3_000,
  reconnectFanout: 4,
  reclaimMs: 24 * 3_600_000,
  leaveTimeoutMs: 3_000,
  membersMax: 4_096,
  queueMax: 4_096,
  relaysMax: 256,
  publicationsMax: 4_096,
  publicationTtlMaxMs: 60_000,
};

type NumberSetting = Exclude<keyof SwimConfig, "lhaProbe" | "lhaSuspicion" | "buddy" | "doubtDeaths" | "stallGuard">;

/** The smallest value of each setting with which the protocol still works. */
const MINIMA = [
  ["probeIntervalMs", 10],
  ["probeTimeoutMs", 1],
  ["indirectProbes", 0],
  ["healthMax", 0],
  ["suspicionAlpha", 0],
  ["suspicionBeta", 1],
  ["suspicionConfirmations", 0],
  ["stallThresholdMs", 1],
  ["gossipIntervalMs", 1],
  ["gossipFanout", 1],
  ["gossipToDeadMs", 0],
  ["retransmitMargin", 0],
  ["exchangeIntervalMs", 100],
  ["exchangeHurryMs", 100],
  ["exchangeBytesMax", 4_096],
  ["reconnectIntervalMs", 100],
  ["reconnectFanout", 0],
  ["reclaimMs", 0],
  ["leaveTimeoutMs", 0],
  ["membersMax", 2],
  ["queueMax", 16],
  ["relaysMax", 1],
  ["publicationsMax", 1],
  ["publicationTtlMaxMs", 1],
] as const satisfies readonly (readonly [NumberSetting, number])[];

/** The defaults with some settings changed. Throws `invalid_argument` for a setting that cannot work. */
export function swimConfig(changes: Partial<SwimConfig> = {}): SwimConfig {
  const config = { ...DEFAULT_CONFIG, ...changes };
  for (const [name, minimum] of MINIMA) {
    if (Number.isFinite(config[name]) && config[name] >= minimum) continue;
    throw new ClusterError("invalid_argument", `gossip setting ${name} must be a number of at least ${minimum}`);
  }
  if (config.probeTimeoutMs >= config.probeIntervalMs) {
    throw new ClusterError("invalid_argument", "gossip setting probeTimeoutMs must be less than probeIntervalMs");
  }
  return config;
}

/** How often each node sends a rumour: ceil(ln(n + 1) + margin). */
export function retransmitLimit(config: SwimConfig, liveMembers: number): number {
  return Math.ceil(Math.log(liveMembers + 1) + config.retransmitMargin);
}

/** Time until the next exchange in a cluster of that size; grows so that the cluster's total stays reasonable. */
export function exchangeIntervalFor(config: SwimConfig, liveMembers: number): Millis {
  const doublings = liveMembers <= 32 ? 0 : Math.ceil(Math.log2(liveMembers / 32));
  return config.exchangeIntervalMs * (1 + doublings);
}
