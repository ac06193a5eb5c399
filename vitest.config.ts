import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

const include = ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"];
/** Tests that change their process for good, such as the stack of its native calls: each file has one of its own. */
const isolated = [
  "packages/inference/test/executors/onnx/runtime/**/*.test.ts",
  "benchmarks/test/peers/**/*.test.ts",
];

export default defineConfig({
  resolve: { conditions: ["@infernode/source"] },
  ssr: { resolve: { conditions: ["@infernode/source"] } },
  test: {
    // These end what hangs; a machine that is busy with other things may be many times slower.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 120_000 } },
    pool: "forks",
    // Much of the time of the tests is waiting for processes that they start.
    maxWorkers: Math.max(3, availableParallelism()),
    projects: [
      // A worker runs many files, and imports the sources once: importing them took a third of the time.
      {
        extends: true,
        test: { name: "shared", include, exclude: [...configDefaults.exclude, ...isolated], isolate: false },
      },
      { extends: true, test: { name: "isolated", include: isolated } },
    ],
  },
});
