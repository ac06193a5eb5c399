// Writes the values that kernels are checked with on a GPU, from a run over the processor: `node tools/kernels/values.mjs`.
// For kernels or cases that have changed. Needs a C++ compiler.
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseOptions } from "../parse-options.mjs";

parseOptions({
  help: `Writes the values that kernels are checked with on a GPU: node tools/kernels/values.mjs
Needs a C++ compiler.
`,
});
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const run = (tool, args) => {
  const env = { ...process.env, INFERNODE_WRITE_KERNEL_VALUES: "1" };
  const { status } = spawnSync(join(root, "node_modules/.bin", tool), args, {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
};
run("vitest", ["run", "packages/inference/test/executors/cuda/check", "-t", "writes the stored values"]);
run("oxfmt", ["packages/inference/src/executors/cuda/check/stored-values.ts"]);
