import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { buildSanitized, type KernelList, type Sanitizer, sanitizerEnv } from "./build-sanitized.ts";
import { hashText } from "./build-kernels.ts";

/** A module of kernels as PTX, and its name, which is that of its source. */
export interface KernelModule {
  readonly name: string;
  readonly ptx: string;
}

/** The kernels of a PTX text, and the most threads of each. */
export function listKernels({ name, ptx }: KernelModule): KernelList {
  const entries = ptx.matchAll(/\.visible \.entry (\w+)\([^)]*\)\s*\.maxntid (\d+)/gu);
  return {
    name,
    kernels: [...entries].map(([, kernel = "", threads]) => ({ name: kernel, maxThreads: Number(threads) })),
  };
}

/** Where a score begins with this, the launch is within the limits of `record.h`. */
const isWithinLimits = (file: string): boolean => (file.split(".")[3] ?? "") >= "4";

/**
 * Finds the launches that the stand-in driver recorded of a module: paths by kernel. Of those that different processes
 * recorded, the best of each shape; launches beyond the limits only where a kernel has no other.
 */
export function findLaunches(folder: string, module: KernelModule): ReadonlyMap<string, readonly string[]> {
  const hash = hashText(module.ptx);
  const best = new Map<string, Map<string, string>>();
  // HASH.KERNEL.SHAPE.SCORE.PROCESS.launch: of a shape, the last one has the best score.
  for (const file of readdirSync(folder).toSorted()) {
    const [owner, kernel = "", shape = ""] = file.split(".");
    if (owner !== hash || !file.endsWith(".launch")) continue;
    const shapes = best.get(kernel) ?? new Map<string, string>();
    best.set(kernel, shapes.set(shape, file));
  }
  const launches = new Map<string, readonly string[]>();
  for (const [kernel, shapes] of best) {
    const files = [...shapes.values()];
    const cheap = files.filter(isWithinLimits);
    const chosen = cheap.length > 0 ? cheap : files.slice(0, 1);
    launches.set(
      kernel,
      chosen.map((file) => join(folder, file)),
    );
  }
  return launches;
}

/**
 * Runs launches of one module again, by its source with a sanitizer; returns what was found, or an empty text.
 * @throws Error when the source does not compile
 */
export function replayLaunches(
  module: KernelModule,
  sanitizer: Sanitizer,
  { files, seed }: { readonly files: readonly string[]; readonly seed: number },
): string {
  const path = buildSanitized({ name: "replay", module: listKernels(module) }, sanitizer);
  const env = { ...process.env, ...sanitizerEnv };
  const { stdout, stderr, status, signal } = spawnSync(path, [String(seed), ...files], {
    encoding: "utf8",
    env,
  });
  // The emulation tells the sanitizer about the stacks of its fibers.
  const text = stdout + stderr.replace(/^.*ASan doesn't fully support makecontext.*\n/mu, "");
  if (status === 0) return text;
  return text === "" ? `${path} ended with ${signal ?? status}` : text;
}
