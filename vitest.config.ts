import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "test/scenarios/**/*.test.ts",
      "test/contract/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    maxWorkers: 2,
    testTimeout: 20_000,
    // An engine that is busy elsewhere takes its time to be set up.
    hookTimeout: 60_000,
  },
});
