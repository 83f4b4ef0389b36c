/** The bounds of what a cluster takes. Replicated state never holds anything beyond them. */
export const LIMITS = {
  nodes: 10_000,
  services: 20_000,
  networks: 4_096,
  tasks: 500_000,
  /** Tasks of one replicated service, and the highest slot. */
  replicas: 100_000,
  /** A whole spec, or command, counted as JSON. */
  specBytes: 1_048_576,
  commandBytes: 4 * 1_048_576,
  /** How deep objects and lists may be nested in any of them. */
  depth: 32,
  nameLength: 63,
  /** A message or an error of a status: one line for people. */
  messageLength: 4_096,
  /** Entries of a list or of a map in a spec. */
  entries: 1_024,
  /** 4,096 CPUs and 64 TiB: sums over a node's tasks stay exact integers. */
  nanoCpus: 4_096 * 1_000_000_000,
  memoryBytes: 2 ** 46,
  pids: 4_194_304,
  /** Times of restarts kept for a slot. */
  restarts: 256,
  /** Ten years. */
  durationMs: 3_653 * 24 * 3_600_000,
  /** Problems listed by one validation; more are counted only. */
  problems: 20,
} as const;
