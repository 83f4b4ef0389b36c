import { defineConfig } from "vitest/config";

/** Files that measure nothing and wait most of the time: two of them at once, each with hosts and a network of its own. */
const all = ["test/e2e/**/*.test.ts"];
/**
 * These promise that no connection fails while something is moved or lost, or that nobody is called dead by mistake; another
 * cluster that starts meanwhile could take two cores for itself.
 */
const alone = [
  "test/e2e/overlay-failure.e2e.test.ts",
  "test/e2e/overlay-partition.e2e.test.ts",
  "test/e2e/failure.test.ts",
];

/** Real hosts: each file with a cluster of its own. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    // A test waits for several things, each with a bound of its own that says what was waited for; these say nothing.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // What the cluster promises for names, endpoints, roles and states; a poll that needs more says so, and why.
    expect: { poll: { timeout: 5_000, interval: 200 } },
    projects: [
      {
        extends: true,
        test: { name: "beside", include: all, exclude: alone, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: "alone", include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
