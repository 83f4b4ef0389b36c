import type { SourceChange } from "./mutation.ts";

/** A voter that is down keeps its vote for ten seconds: here hardly any time, so that voters change often. */
export const FREQUENT_VOTER_CHANGES: readonly SourceChange[] = [
  {
    file: "packages/manager/src/voter-keeper.ts",
    original: "const REPLACE_AFTER_MS: Millis = 10_000;",
    mutant: "const REPLACE_AFTER_MS: Millis = 100;",
  },
];
