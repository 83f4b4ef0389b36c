import { defineConfig } from "vitest/config";

/** Real hosts: one file after the other, each with a cluster of its own. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    root: new URL("../..", import.meta.url).pathname,
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
