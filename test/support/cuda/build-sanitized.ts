import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const support = fileURLToPath(new URL(".", import.meta.url));
const host = join(support, "host");
const kernels = fileURLToPath(
  new URL("../../../packages/inference/src/executors/cuda/kernels", import.meta.url),
);
const folders = [
  host,
  join(support, "ptx/runtime"),
  join(support, "kernels"),
  kernels,
  join(kernels, "device"),
];
const common = [
  "-std=c++17",
  "-DINFERNODE_HOST",
  "-g1",
  "-w",
  "-ffp-contract=off",
  ...folders.map((folder) => `-I${folder}`),
];
const cache = join(process.env["INFERNODE_TEST_CACHE"] ?? tmpdir(), "infernode-sanitized");

/** ThreadSanitizer, or AddressSanitizer with UndefinedBehaviorSanitizer. */
export type Sanitizer = "thread" | "address";

/** Without the second that the race detector waits at the end for other threads: there are none. */
export const sanitizerEnv: Readonly<Record<string, string>> = { TSAN_OPTIONS: "atexit_sleep_ms=0" };

// The compiler takes most of the time where it optimises what AddressSanitizer adds.
const flags: Readonly<Record<Sanitizer, readonly string[]>> = {
  thread: ["-O1", "-fsanitize=thread"],
  address: ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
};

const hashSources = memoize((): string => {
  const hash = createHash("sha256").update(JSON.stringify([common, flags]));
  for (const folder of folders) {
    for (const name of readdirSync(folder).filter((file) => /\.(?:cu|cuh|hpp|cc)$/u.test(file))) {
      hash.update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest("hex").slice(0, 16);
});

function memoize<T>(compute: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: compute() }).value;
}

/** @throws Error when it does not compile */
function compile(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("g++", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`g++ ${args.join(" ")}: ${error?.message ?? stderr}`);
}

/** Makes a file once, where several processes may want it at the same time. */
function makeOnce(path: string, make: (temporary: string) => void): string {
  if (existsSync(path)) return path;
  const temporary = `${path}.${process.pid}`;
  make(temporary);
  renameSync(temporary, path);
  return path;
}

/** Says why programs with a sanitizer cannot be made and run here; undefined where they can. */
export function missingSanitizer(sanitizer: Sanitizer): string | undefined {
  if (process.platform !== "linux") return `the sanitizers run on Linux, not on ${process.platform}`;
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `nothing-${sanitizer}`);
  try {
    makeOnce(path, (temporary) => {
      writeFileSync(`${temporary}.cc`, "int main() { return 0; }\n");
      compile([...flags[sanitizer], "-o", temporary, `${temporary}.cc`]);
    });
  } catch (error) {
    return `there is no g++ with -fsanitize=${sanitizer}: ${String(error)}`;
  }
  const { status, stderr, error } = spawnSync(path, {
    encoding: "utf8",
    env: { ...process.env, ...sanitizerEnv },
  });
  return status === 0 ? undefined : `-fsanitize=${sanitizer} does not run here: ${error?.message ?? stderr}`;
}

function compileHost(file: string, sanitizer: Sanitizer): string {
  // The race detector must not see the scheduler, which tells it about the fibers instead.
  const isScheduler = file === "host-block";
  const own = isScheduler && sanitizer === "thread" ? ["-DHOST_TSAN"] : flags[sanitizer];
  return makeOnce(join(cache, `${file}-${sanitizer}-${hashSources()}.o`), (temporary) =>
    compile([...common, ...own, "-O1", "-c", "-o", temporary, join(host, `${file}.cc`)]),
  );
}

/**
 * Compiles a program of `host/` once, and returns its path: `planted-faults`, or `replay` with the kernels of a module.
 * @throws Error when the sources do not compile
 */
export function buildSanitized(
  program: { readonly name: "planted-faults" } | { readonly name: "replay"; readonly module: KernelList },
  sanitizer: Sanitizer,
): string {
  mkdirSync(cache, { recursive: true });
  const name = program.name === "replay" ? `replay-${program.module.name}` : program.name;
  return makeOnce(join(cache, `${name}-${sanitizer}-${hashSources()}`), (temporary) => {
    const objects = [compileHost("host-block", sanitizer), compileHost(program.name, sanitizer)];
    if (program.name === "replay") {
      writeFileSync(`${temporary}.cc`, listKernels(program.module));
      objects.push(`${temporary}.cc`);
    }
    compile([...common, ...flags[sanitizer], "-o", temporary, ...objects]);
  });
}

/** A module of kernels, and what is launched of it. */
export interface KernelList {
  /** Of the file `NAME.cu`. */
  readonly name: string;
  readonly kernels: readonly { readonly name: string; readonly maxThreads: number }[];
}

function listKernels({ name, kernels: listed }: KernelList): string {
  const rows = listed.map(
    (kernel) =>
      `  {"${kernel.name}", ${kernel.maxThreads}, host::Caller<decltype(&${kernel.name})>::call<&${kernel.name}>},`,
  );
  return [
    '#include "device.cuh"',
    `#include "${name}.cu"`,
    "extern const host::Kernel kernels[] = {",
    ...rows,
    "};",
    `extern const int kernel_count = ${listed.length};`,
    "",
  ].join("\n");
}
