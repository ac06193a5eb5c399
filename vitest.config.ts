import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@infernode/source"] },
  ssr: { resolve: { conditions: ["@infernode/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
