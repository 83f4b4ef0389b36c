/** The bounds of what a cluster takes. Replicated state never holds anything beyond them. */
export const LIMITS = {
  nodes: 10_000,
  services: 20_000,
  networks: 4_096,
  tasks: 500_000,
  secrets: 10_000,
  configs: 10_000,
  /** Of one secret and of one config, as it is given; each must be smaller, as Docker has it. */
  secretBytes: 500 * 1_024,
  configBytes: 1_000 * 1_024,
  /** Of a login to a registry, as it is given. Tokens of the large clouds have up to 4 KiB. */
  registryAuthBytes: 8 * 1_024,
  /** All secrets and configs together, as they are kept: managers hold them in memory. */
  payloadChars: 256 * 1_048_576,
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
  /** Of one kind of generic resource: sums over a node's tasks stay exact. */
  genericAmount: 2 ** 31,
  pids: 4_194_304,
  /** Times of restarts kept for a slot. */
  restarts: 256,
  /** A day: then a node that is down is given up, with what it ran. */
  nodeLossMs: 24 * 3_600_000,
  /** Tasks that one command moves elsewhere. */
  moves: 500,
  /** A day, for what works on a node that is being emptied. */
  drainMs: 24 * 3_600_000,
  /** Ten years. */
  durationMs: 3_653 * 24 * 3_600_000,
  /** Problems listed by one validation; more are counted only. */
  problems: 20,
} as const;
