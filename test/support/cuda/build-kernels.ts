import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TranslateOptions, translatePtx } from "./ptx/translate.ts";

const translator = fileURLToPath(new URL("ptx", import.meta.url));
const standIn = fileURLToPath(new URL("../../../packages/memory/test/cuda/stand-in", import.meta.url));
const runtime = join(translator, "runtime");
// With -O2 compiling takes longer by more than all tests take less.
const compilerOptions = ["-std=c++17", "-O1", "-march=native", "-ffp-contract=off", "-w", "-shared", "-fPIC"];

/** The hash by which the stand-in driver finds the kernels of a PTX text (FNV-1a of 64 bits). */
export function hashText(text: string): string {
  let hash = 14_695_981_039_346_656_037n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1_099_511_628_211n);
  return hash.toString(16).padStart(16, "0");
}

/** Changes with everything that the result of a translation depends on, besides the PTX. */
function hashTools(compilerVersion: string): string {
  const hash = createHash("sha256").update(
    JSON.stringify([compilerOptions, compilerVersion, cpus()[0]?.model]),
  );
  for (const folder of [translator, runtime]) {
    for (const name of readdirSync(folder).toSorted()) {
      if (/\.[th]/u.test(name)) hash.update(readFileSync(join(folder, name)));
    }
  }
  hash.update(readFileSync(join(standIn, "launch.h")));
  return hash.digest("hex").slice(0, 16);
}

function findCompiler(): { readonly path: string; readonly version: string } | undefined {
  for (const path of ["g++", "c++", "clang++"]) {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (status === 0) return { path, version: stdout.split("\n")[0] ?? "" };
  }
  return undefined;
}

/** Where the kernels of a PTX text are in the folder of `buildKernels`. */
export const libraryOf = (folder: string, text: string): string => join(folder, `${hashText(text)}.so`);

/**
 * Translates PTX modules to C++ and compiles them, each once; returns the folder for the stand-in driver, or the reason
 * why there is none.
 * @throws Error for PTX that the translator does not know
 */
export function buildKernels(
  modules: readonly string[],
  options: TranslateOptions = {},
): { readonly folder: string } | { readonly reason: string } {
  if (process.platform !== "linux") {
    return { reason: `the processor device is for Linux, not for ${process.platform}` };
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    return { reason: "there is no C++ compiler (g++, c++, clang++) for the kernels" };
  }
  const folder = join(
    process.env["INFERNODE_TEST_CACHE"] ?? tmpdir(),
    "infernode-kernels",
    `${hashTools(compiler.version)}${options.areCounted === true ? "-counted" : ""}`,
  );
  mkdirSync(folder, { recursive: true });
  const missing = new Map(modules.map((text) => [libraryOf(folder, text), text]));
  while (missing.size > 0) {
    let isWaiting = true;
    for (const [path, text] of missing) {
      if (!existsSync(path)) {
        // Another process may be compiling it; the next one may be free.
        if (!takeLock(`${path}.lock`)) continue;
        try {
          if (!existsSync(path)) compileModule(compiler.path, translatePtx(text, options), path);
        } finally {
          unlinkSync(`${path}.lock`);
        }
      }
      missing.delete(path);
      isWaiting = false;
    }
    if (isWaiting) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  return { folder };
}

function compileModule(compiler: string, cpp: string, path: string): void {
  const source = `${path.slice(0, -3)}.cc`;
  const temporary = `${path}.new`;
  writeFileSync(source, cpp);
  const args = [...compilerOptions, `-I${runtime}`, `-I${standIn}`, "-o", temporary, source];
  const { status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${compiler} did not compile ${source}: ${stderr}`);
  renameSync(temporary, path);
}

/** Takes a lock that no living process has. */
function takeLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (!isAlive(path)) rmSync(path, { force: true });
    return false;
  }
}

/** Whether the process that has a lock is there. */
function isAlive(path: string): boolean {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    // Between its creation and its first bytes a lock is empty.
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
