import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const support = fileURLToPath(new URL(".", import.meta.url));
const kernels = fileURLToPath(
  new URL("../../../packages/inference/src/executors/cuda/kernels", import.meta.url),
);
const folders = [
  join(support, "host"),
  join(support, "ptx/runtime"),
  join(support, "kernels"),
  kernels,
  join(kernels, "device"),
];
const common = [
  "-std=c++17",
  "-g",
  "-O1",
  "-w",
  "-ffp-contract=off",
  ...folders.map((folder) => `-I${folder}`),
];

/** ThreadSanitizer, or AddressSanitizer with UndefinedBehaviorSanitizer. */
export type Sanitizer = "thread" | "address";

function hashSources(): string {
  const hash = createHash("sha256").update(common.join(" "));
  for (const folder of folders) {
    for (const name of readdirSync(folder).filter((file) => /\.(?:cu|cuh|hpp|cc)$/u.test(file))) {
      hash.update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * Compiles a program of `host/` with the sources of kernels and a sanitizer, once; returns its path, or the reason why
 * there is none.
 */
export function buildSanitized(
  program: string,
  sanitizer: Sanitizer,
): { readonly path: string } | { readonly reason: string } {
  if (process.platform !== "linux") {
    return { reason: `the sanitizers run on Linux, not on ${process.platform}` };
  }
  const cache = join(tmpdir(), "infernode-sanitized");
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${program}-${sanitizer}-${hashSources()}`);
  if (existsSync(path)) return { path };
  const flags =
    sanitizer === "thread"
      ? ["-fsanitize=thread"]
      : ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
  const compile = (args: readonly string[]): string | undefined => {
    const { status, stderr, error } = spawnSync("g++", args, { encoding: "utf8" });
    return status === 0 ? undefined : (error?.message ?? stderr);
  };
  const object = `${path}.${process.pid}.o`;
  // The race detector must not see the scheduler, which tells it about the fibers instead.
  const scheduler = sanitizer === "thread" ? ["-DHOST_TSAN"] : flags;
  const failure =
    compile([...common, ...scheduler, "-c", "-o", object, join(support, "host/host-block.cc")]) ??
    compile([...common, ...flags, "-o", `${object}.out`, object, join(support, `host/${program}.cc`)]);
  if (failure !== undefined) {
    return { reason: `g++ did not compile with -fsanitize=${sanitizer}: ${failure}` };
  }
  renameSync(`${object}.out`, path);
  return { path };
}
