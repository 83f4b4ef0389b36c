import type { SourceChange } from "./mutation.ts";

const SNAPSHOTTER = "packages/manager/src/snapshotter.ts";

/** In a minute a cluster writes some thousand entries: snapshots that come after 20,000 would never come. */
export const FREQUENT_SNAPSHOTS: readonly SourceChange[] = [
  { file: SNAPSHOTTER, original: "const SNAPSHOT_ENTRIES = 20_000;", mutant: "const SNAPSHOT_ENTRIES = 60;" },
  { file: SNAPSHOTTER, original: "const TRAILING_ENTRIES = 5_000;", mutant: "const TRAILING_ENTRIES = 10;" },
];

/** A voter that is down keeps its vote for ten seconds: here hardly any time, so that voters change often. */
export const FREQUENT_VOTER_CHANGES: readonly SourceChange[] = [
  {
    file: "packages/manager/src/voter-keeper.ts",
    original: "const REPLACE_AFTER_MS: Millis = 10_000;",
    mutant: "const REPLACE_AFTER_MS: Millis = 100;",
  },
];
