import { defineConfig } from "vitest/config";

/** Tests that start engines, namespaces or programs, wait for them most of the time, or change their own process. */
const own = [
  "packages/*/src/**/*.e2e.test.ts",
  "packages/agent/src/docker/docker-*.test.ts",
  "packages/network/src/overlay/kernel/*.test.ts",
  "packages/network/src/overlay-plane.test.ts",
  "packages/node/src/advertise-address.test.ts",
];
const all = [
  "packages/*/src/**/*.test.ts",
  "test/scenarios/**/*.test.ts",
  "test/contract/**/*.test.ts",
  "scripts/**/*.test.ts",
];

export default defineConfig({
  test: {
    // Scenarios compute for seconds, and for many on a machine that is busy: only what hangs should fail for its time.
    testTimeout: 60_000,
    // An engine that is busy elsewhere takes its time to be set up.
    hookTimeout: 60_000,
    projects: [
      // One more than a machine's least two cores, as they wait.
      { extends: true, test: { name: "own", include: own, maxWorkers: 3, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: "shared",
          include: all,
          exclude: own,
          maxWorkers: 2,
          /*
           * One process for many files, and their imports once, which took a quarter of the time: so no test may leave
           * anything behind in its process. `--sequence.shuffle.files` shows it.
           */
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
