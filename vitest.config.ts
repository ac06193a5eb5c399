import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { findCompiled } from "./tools/resolve-compiled.mjs";

const include = ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"];
/** Tests that change their process for good, such as the stack of its native calls: each file has one of its own. */
const isolated = [
  "packages/inference/test/executors/onnx/runtime/**/*.test.ts",
  "benchmarks/test/peers/**/*.test.ts",
];

/** Where files take tens of seconds: they begin first, or the last of them would run when the others have ended. */
const slow = /\/(?:executors\/(?:cuda|onnx|tfjs)|test\/(?:cuda|e2e|hostile)|peers)\//;

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification): boolean => slow.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  // Tests import what was compiled, as Node.js loads it, in place of the sources: these take three times as long to import.
  resolve: { alias: [{ find: /^(\.\.?(?:\/.*)?)\/src\/(.+)\.ts$/, replacement: "$1/dist/$2.js" }] },
  plugins: [
    {
      name: "compiled-packages",
      enforce: "pre",
      resolveId: (specifier) => {
        const url = findCompiled(specifier);
        return url === undefined ? undefined : fileURLToPath(url);
      },
    },
  ],
  test: {
    // These end what hangs; a machine that is busy with other things may be many times slower.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 120_000 } },
    pool: "forks",
    execArgv: ["--import", new URL("tools/compiled-packages.mjs", import.meta.url).href],
    globalSetup: ["tools/build-for-tests.mjs"],
    server: { deps: { external: [/\/packages\/\w+\/(?:dist|bundle)\//] } },
    sequence: { sequencer: SlowFirst },
    // Half of the time of the tests is waiting for processes that they start.
    maxWorkers: Math.max(4, availableParallelism()),
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
