/**
 * Who may import whom: the house's one contract. `base` is open to everyone. The check in `imports.ts` reads this table
 * and docs/architecture.md points at it; nothing else repeats it.
 */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ["base"],
  raft: ["base"],
  gossip: ["base"],
  transport: ["base"],
  identity: ["base"],
  storage: ["base"],
  store: ["base", "model"],
  orchestrator: ["base", "model", "store"],
  scheduler: ["base", "model", "store"],
  discovery: ["base", "model", "store"],
  manager: ["base", "model", "raft", "store", "orchestrator", "scheduler", "discovery"],
  agent: ["base", "model", "gossip"],
  network: ["base", "model", "discovery"],
  api: ["base", "model", "store"],
  // Compose files, read and understood; what becomes of them in a cluster is the command line's.
  compose: ["base"],
  // Kubernetes' manifests as what compose makes of Compose files, read by the same reader.
  kubernetes: ["base", "compose"],
  cli: ["base", "model", "api", "compose", "kubernetes"],
  node: [
    "base",
    "model",
    "raft",
    "gossip",
    "store",
    "orchestrator",
    "scheduler",
    "discovery",
    "manager",
    "agent",
    "network",
    "transport",
    "identity",
    "storage",
    "api",
  ],
  // Of the network only what a worker of the daemon runs.
  main: ["base", "cli", "node", "network"],
  // The simulator runs whole members over wires of its own; nothing imports it.
  sim: [
    "base",
    "model",
    "raft",
    "gossip",
    "store",
    "orchestrator",
    "scheduler",
    "discovery",
    "manager",
    "agent",
    "network",
    "transport",
    "identity",
    "storage",
    "api",
    "node",
  ],
};

/** Packages whose code decides: no clock, no randomness, no timers, no I/O. Compiled without any ambient types. */
export const PURE_PACKAGES: readonly string[] = [
  "base",
  "model",
  "raft",
  "gossip",
  "store",
  "orchestrator",
  "scheduler",
  "discovery",
  "compose",
  "kubernetes",
];

/**
 * npm packages that a package's code (not its tests) may import; with a path behind the name nothing but that entry.
 * msgpackr's main entry loads a compiled decoder where npm has installed one, whose strings are slices of blocks of 6 KB:
 * a record that is kept then keeps the block that it came in (docs/scale.md).
 */
export const NPM_TABLE: Readonly<Record<string, readonly string[]>> = {
  transport: ["ws", "msgpackr/pack"],
  identity: ["@peculiar/x509", "reflect-metadata"],
  manager: ["msgpackr/pack"],
  agent: ["dockerode"],
  api: ["hono", "@hono/node-server", "zod"],
  compose: ["yaml"],
  cli: ["commander"],
  node: ["pino", "prom-client", "zod"],
};
