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
  },
});
