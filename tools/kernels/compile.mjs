// Where the kernels are, and clang, which compiles them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "../setup.mjs";

export const kernelFolder = join(root, "packages/inference/src/executors/cuda/kernels");
const ptxFolder = join(root, "packages/inference/ptx");

/** Kernels that are wrong on purpose, or there to try every function; their PTX and manifests are beside them. */
const testFolder = join(root, "test/support/cuda/kernels");

/** All modules: each `NAME.cu` of the package, which is shipped, and of the tests, with the paths of what is made of it. */
export function listModules() {
  const list = (folder, ptxFolder, manifestFolder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".cu"))
      .map((file) => file.slice(0, -3))
      .map((name) => ({
        name,
        source: join(folder, `${name}.cu`),
        ptx: join(ptxFolder, `${name}.ptx`),
        manifest: join(manifestFolder, `${name}.ts`),
        isShipped: folder === kernelFolder,
      }));
  return [
    ...list(kernelFolder, ptxFolder, join(kernelFolder, "manifests")),
    ...list(testFolder, testFolder, testFolder),
  ];
}

// PTX 7.5 is the newest that clang 14 writes; drivers from R470 on compile it, for compute capability 8.0 and later.
const optionText =
  "-x cuda --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc -nocudalib -Xclang -target-feature -Xclang +ptx75 " +
  // Infinities are values: masks and maxima begin with them.
  "-std=c++17 -O3 -ffast-math -fno-finite-math-only -fcuda-flush-denormals-to-zero -Wall -Wextra -Werror";
const optionsOf = (folder) => [...optionText.split(" "), `-I${folder}`];

/** The version of clang that the committed PTX is made with; another one writes other bytes. */
const clangVersion = "14.0.6";

/** Finds the clang of `clangVersion`: `{ path }`, or `{ reason }` why there is none. */
export function findClang() {
  const seen = [];
  for (const path of [process.env.CLANG, "clang-14", "clang"].filter((name) => name !== undefined)) {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (status !== 0) continue;
    const version = /clang version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "unknown";
    if (version === clangVersion) return { path };
    seen.push(`${path} is ${version}`);
  }
  const found = seen.length === 0 ? "none" : seen.join(", ");
  return { reason: `expected clang ${clangVersion} (Debian 12: apt-get install clang-14), got ${found}` };
}

function runClang(clang, args) {
  const { status, stdout, stderr, error } = spawnSync(clang, args, {
    encoding: "utf8",
    cwd: kernelFolder,
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout;
  throw new Error(`${clang} failed: ${error?.message ?? stderr}`);
}

/** Compiles a source to PTX. */
export const compileToPtx = (clang, source) =>
  runClang(clang, [...optionsOf(kernelFolder), "-S", "-o", "-", source]);

/** Compiles a source of a copy of the kernels to PTX that names its lines. */
export const compileWithLines = (clang, source, folder) =>
  runClang(clang, [...optionsOf(folder), "-gline-tables-only", "-S", "-o", "-", source]);

/** Returns the source with all macros and headers expanded. */
export const preprocess = (clang, source) =>
  runClang(clang, [...optionsOf(kernelFolder), "-E", "-P", "-o", "-", source]);

/** The source and the headers that it includes, in the order of their paths. */
function listSources(source) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const [, name] of readFileSync(path, "utf8").matchAll(/^\s*#include "([^"]+)"/gmu)) {
      const candidates = [join(dirname(path), name), join(kernelFolder, name)];
      const header = candidates.find((candidate) => existsSync(candidate));
      if (header !== undefined) visit(header);
    }
  };
  visit(source);
  return [...found].toSorted((a, b) => (a < b ? -1 : 1));
}

/** Hash of a source, of the headers that it includes, and of the compiler's options. */
export function hashSources(source) {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([clangVersion, optionText]));
  for (const path of listSources(source)) {
    hash.update(`\0${relative(root, path)}\0`);
    hash.update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 32);
}
