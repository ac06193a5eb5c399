// Packs everything that check.mjs needs on a GPU machine without a network into one folder.
//   node tools/gpu/pack.mjs <folder> [--node]     with --node also this Node, as node.xz (needs xz)
// Only for Linux on x86-64; build first.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const [folder, ...options] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("name the folder to fill: node tools/gpu/pack.mjs <folder> [--node]");
}

const target = resolve(folder);
const memory = join(root, "packages/memory");
const koffi = realpathSync(join(memory, "node_modules/koffi"));
const binding = realpathSync(join(koffi, "../@koromix/koffi-linux-x64"));
const parts = [
  ["check.sh", join(root, "tools/gpu/check.sh")],
  ...[
    "check.mjs",
    "steps.mjs",
    "session.mjs",
    "one-process.mjs",
    "several-processes.mjs",
    "benchmark-step.mjs",
  ].map((name) => [join("tools/gpu", name), join(root, "tools/gpu", name)]),
  ["benchmarks/package.json", join(root, "benchmarks/package.json")],
  ...["lib", "micro", "workloads"].map((name) => [
    join("benchmarks/dist", name),
    join(root, "benchmarks/dist", name),
  ]),
  ["node_modules/@infernode/memory/package.json", join(memory, "package.json")],
  ["node_modules/@infernode/memory/dist", join(memory, "dist")],
  ["node_modules/koffi", koffi],
  ["node_modules/@koromix/koffi-linux-x64", binding],
  // For a run over the stand-in driver, where the folder is tried out.
  ...["stand-in.c", "kernels.h", "launch.h"].map((name) => [
    `packages/memory/test/cuda/stand-in/${name}`,
    join(memory, "test/cuda/stand-in", name),
  ]),
];
for (const [name, from] of parts) {
  if (!existsSync(from)) {
    throw new Error(
      `expected ${from}, got no such file: build first (npx tsc -b packages/memory benchmarks)`,
    );
  }
  cpSync(from, join(target, name), { recursive: true, dereference: true });
}
if (options.includes("--node")) {
  mkdirSync(target, { recursive: true });
  const { status } = spawnSync("xz", ["-6", "-T2", "-c", realpathSync(process.execPath)], {
    stdio: ["ignore", openSync(join(target, "node.xz"), "w"), "inherit"],
  });
  if (status !== 0) throw new Error("xz did not compress this Node");
}
process.stdout.write(`${target} is ready: sh check.sh in it\n`);
