// Packs everything that check.mjs needs on a GPU machine without a network into one folder, laid out as the checkout.
//   node tools/gpu/pack.mjs <folder> [--node] [--llama-cpp]
// With --node also this Node, as node.xz (needs xz); with --llama-cpp also node-llama-cpp as it is installed here.
// Only for Linux on x86-64; build first.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseOptions } from "../parse-options.mjs";

/** Files of an earlier pack would be left among the new ones. */
const emptyFolder = {
  expected: "a folder that is empty or not there",
  read: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined || (stat.isDirectory() && readdirSync(path).length === 0) ? path : undefined;
  },
};

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options, positionals } = parseOptions({
  help: `Packs what check.mjs needs on a GPU machine without a network: node tools/gpu/pack.mjs <folder> [options]
  <folder>      is made, or must be empty
  --node        this Node too, as node.xz (needs xz)
  --llama-cpp   node-llama-cpp too, as it is installed here
Linux on x86-64 only; build first (npm run build).
`,
  options: { node: true, "llama-cpp": true },
  positionals: { name: "folder", kind: emptyFolder, minimum: 1, maximum: 1 },
});
const [folder] = positionals;
const target = resolve(folder);
const packed = new Set();

/** Copies a file or a folder of the checkout to the same place; what is given leaves something out. */
function copy(path, filter = () => true) {
  if (packed.has(path)) return;
  packed.add(path);
  const from = join(root, path);
  if (!existsSync(from)) {
    throw new Error(
      `expected ${from}, got no such file: build first (npx tsc -b packages/inference benchmarks)`,
    );
  }
  cpSync(from, join(target, path), { recursive: true, verbatimSymlinks: true, filter });
}

/** Of an installed package, what Node reads on Linux on x86-64. */
const isRead = (path) =>
  !/\.(?:d\.[cm]?ts|map|md|c|cc|cpp|h|hpp)$|\/prebuilds\/(?!linux-x64(?:\/|$))[^/]+$/u.test(path);

/** Copies an installed package, and those that it depends on, with the links between them. */
function copyPackage(link) {
  copy(link);
  const path = relative(root, realpathSync(join(root, link)));
  if (!path.startsWith("node_modules")) return;
  copy(path, isRead);
  const [store] = /^node_modules\/\.pnpm\/[^/]+\/node_modules/u.exec(path) ?? [];
  if (store === undefined || packed.has(store)) return;
  packed.add(store);
  for (const name of readdirSync(join(root, store))) {
    const names = name.startsWith("@")
      ? readdirSync(join(root, store, name)).map((scoped) => join(name, scoped))
      : [name];
    for (const each of names) {
      if (lstatSync(join(root, store, each)).isSymbolicLink()) copyPackage(join(store, each));
    }
  }
}

const isNeeded = (path) => !/\.d\.ts(?:\.map)?$|\.js\.map$|\/node_modules$/u.test(path);
const settings = ["package.json", "vitest.config.ts", "tsconfig.base.json", "tsconfig.test.json"];
const tools = [
  "gpu",
  "parse-options.mjs",
  "setup.mjs",
  "build-for-tests.mjs",
  "compiled-packages.mjs",
  "resolve-compiled.mjs",
];
for (const name of [...settings, ...tools.map((name) => join("tools", name))]) copy(name);
for (const name of ["memory", "models", "inference"]) {
  for (const part of ["package.json", "src", "dist", "bundle"]) {
    copy(join("packages", name, part), isNeeded);
  }
}
// The program.
for (const name of ["backend", "discovery", "health"]) {
  for (const part of ["package.json", "dist", "bundle"]) copy(join("packages", name, part), isNeeded);
}
copy("packages/backend/bin");
copy("packages/models/embedded");
copy("packages/inference/ptx");
copy("packages/inference/test");
copy("packages/memory/test/cuda");
copy("test/support/cuda");
copy("test/fixtures");
for (const name of ["package.json", "dist", "lib"]) copy(join("benchmarks", name), isNeeded);
for (const name of ["inference", "memory", "models"]) {
  copyPackage(`benchmarks/node_modules/@infernode/${name}`);
}
for (const name of ["backend", "discovery", "health"]) {
  const { dependencies } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
  for (const each of Object.keys(dependencies)) copyPackage(`packages/${name}/node_modules/${each}`);
}
for (const name of ["memory", "models"]) copyPackage(`packages/inference/node_modules/@infernode/${name}`);
for (const name of ["memory", "inference"]) copyPackage(`packages/${name}/node_modules/koffi`);
copyPackage("packages/models/node_modules/@huggingface/tokenizers");
copyPackage("node_modules/vitest");
if (options["llama-cpp"]) copyPackage("benchmarks/node_modules/node-llama-cpp");
// Those of the checkout name packages that are not here.
writeFileSync(join(target, "tsconfig.json"), '{ "extends": "./tsconfig.test.json" }\n');
cpSync(join(root, "tools/gpu/check.sh"), join(target, "check.sh"));
if (options.node) {
  mkdirSync(target, { recursive: true });
  const { status } = spawnSync("xz", ["-6", "-T2", "-c", realpathSync(process.execPath)], {
    stdio: ["ignore", openSync(join(target, "node.xz"), "w"), "inherit"],
  });
  if (status !== 0) throw new Error("xz did not compress this Node");
}
process.stdout.write(`${target} is ready: sh check.sh in it\n`);
