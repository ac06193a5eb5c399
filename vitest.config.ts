import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@infernode/source"] },
  ssr: { resolve: { conditions: ["@infernode/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"],
    // These end what hangs; a machine that is busy with other things may be many times slower.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 120_000 } },
    pool: "forks",
    // Much of the time of the tests is waiting for processes that they start.
    maxWorkers: Math.max(3, availableParallelism()),
  },
});
