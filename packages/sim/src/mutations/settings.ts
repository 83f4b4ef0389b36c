import type { SourceChange } from "./mutation.ts";

const FILE = "packages/manager/src/voter-keeper.ts";

/**
 * A voter that is down keeps its vote for ten seconds, and the leader looks four times a second: here hardly any time,
 * and twenty times, so that voters change often, and also in a leader's first moments.
 */
export const FREQUENT_VOTER_CHANGES: readonly SourceChange[] = [
  {
    file: FILE,
    original: "const REPLACE_AFTER_MS: Millis = 10_000;",
    mutant: "const REPLACE_AFTER_MS: Millis = 100;",
  },
  { file: FILE, original: "const CHECK_MS: Millis = 250;", mutant: "const CHECK_MS: Millis = 50;" },
];

/** A manager without a leader serves its agents for three seconds: here hardly any time, so that sessions change often. */
export const FREQUENT_SESSION_CHANGES: readonly SourceChange[] = [
  {
    file: "packages/manager/src/session-guard.ts",
    original: "const CHECK_MS: Millis = 500;",
    mutant: "const CHECK_MS: Millis = 20;",
  },
  {
    file: "packages/manager/src/session-guard.ts",
    original: "const LEADERLESS_MS: Millis = 3_000;",
    mutant: "const LEADERLESS_MS: Millis = 50;",
  },
];

/** Engines answer within 20 ms: here they take 600, so that a process that was started knows its containers late. */
export const SLOW_ENGINES: readonly SourceChange[] = [
  { file: "packages/sim/src/world/host.ts", original: "      latencyMs: 20,", mutant: "      latencyMs: 600," },
];

const NETWORKS = "packages/sim/src/workload/networks.ts";

/** One cluster of four has networks with IPv6: here each. */
export const IPV6_EVERYWHERE: readonly SourceChange[] = [
  { file: NETWORKS, original: "const DUAL_ONE_OF = 4;", mutant: "const DUAL_ONE_OF = 1;" },
];

/** One cluster of six has networks that containers can be connected to by hand: here each. */
export const ATTACHABLE_EVERYWHERE: readonly SourceChange[] = [
  { file: NETWORKS, original: "const ATTACHABLE_ONE_OF = 6;", mutant: "const ATTACHABLE_ONE_OF = 1;" },
];
