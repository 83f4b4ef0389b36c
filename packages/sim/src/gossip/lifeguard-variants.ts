import { DEFAULT_CONFIG, type SwimConfig } from "@murmur/gossip";

/**
 * The timing of the Lifeguard paper, which is that of HashiCorp's memberlist on a LAN: a probe each second, its timeout
 * 500 ms, gossip to three members each 200 ms, α = 5, β = 6, K = 3. The exchanges are memberlist's too: each 30 s times
 * 1 + ceil(log2(128 / 32)), never hurried by news.
 */
const PAPER_TIMING: Partial<SwimConfig> = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  healthMax: 8,
  suspicionAlpha: 5,
  suspicionBeta: 6,
  suspicionConfirmations: 3,
  gossipIntervalMs: 200,
  gossipFanout: 3,
  exchangeIntervalMs: 30_000,
  exchangeHurryMs: 90_000,
};

/** Nothing of Lifeguard's and nothing of ours. */
const SWIM: Partial<SwimConfig> = {
  ...PAPER_TIMING,
  lhaProbe: false,
  lhaSuspicion: false,
  buddy: false,
  stallGuard: false,
  doubtDeaths: false,
};

/** The variants that the paper compares, by the names that it gives them. */
export const PAPER_VARIANTS = {
  swim: SWIM,
  lha_probe: { ...SWIM, lhaProbe: true },
  lha_suspicion: { ...SWIM, lhaSuspicion: true },
  buddy: { ...SWIM, buddy: true },
  lifeguard: { ...SWIM, lhaProbe: true, lhaSuspicion: true, buddy: true },
} as const satisfies Record<string, Partial<SwimConfig>>;

const { exchangeIntervalMs, exchangeHurryMs, suspicionAlpha, suspicionBeta, suspicionConfirmations } = DEFAULT_CONFIG;

/**
 * Ours: all switches on, at the paper's pace of probing. `murmur_paper_alpha` has the paper's α, β and K; `murmur` has
 * the ones that we ship.
 */
export const MURMUR_VARIANTS = {
  murmur_paper_alpha: { ...PAPER_TIMING, exchangeIntervalMs, exchangeHurryMs },
  murmur: {
    ...PAPER_TIMING,
    exchangeIntervalMs,
    exchangeHurryMs,
    suspicionAlpha,
    suspicionBeta,
    suspicionConfirmations,
  },
} as const satisfies Record<string, Partial<SwimConfig>>;
