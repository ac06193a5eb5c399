import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CudaDriver, loadCudaDriver } from "../../../src/cuda/driver/cuda-driver.ts";
import { loadForeignLibrary } from "../../../src/cuda/driver/foreign-library.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const source = join(folder, "stand-in.c");

/** Live objects of the stand-in; all are 0 when nothing leaks. */
export interface LiveCounts {
  readonly ranges: number;
  readonly streams: number;
  readonly events: number;
  readonly pinned: number;
  readonly handles: number;
  readonly reservations: number;
  readonly contexts: number;
  readonly nvmlUsers: number;
  readonly modules: number;
  /** Recordings, and what was made of them. */
  readonly graphs: number;
  /** Of cuBLASLt. */
  readonly products: number;
}

const liveNames = [
  "ranges",
  "streams",
  "events",
  "pinned",
  "handles",
  "reservations",
  "contexts",
  "nvmlUsers",
  "modules",
  "graphs",
  "products",
] as const satisfies readonly (keyof LiveCounts)[];

export interface StandIn {
  readonly path: string;
  readonly driver: CudaDriver;
  /** Makes a function return `status`: after some successful calls, once or always. */
  fail(name: string, status: number, when?: { readonly after?: number; readonly forever?: boolean }): void;
  stopFailing(): void;
  setDevices(devices: { readonly count: number; readonly bytes: number; readonly isVirtual?: boolean }): void;
  /** Work on streams is held until it is released or awaited. */
  hold(): void;
  release(): void;
  /** While closed, a reading of temperature waits for up to 5 s, and fails when it was not opened. */
  gate(isClosed: boolean): void;
  /** Puts the first device into MIG mode with two instances, of which a driver `before-r570` shows one. */
  split(driver?: "r580" | "before-r570"): void;
  /** Makes all calls that need the context return a status, as after a kernel that broke it; 0 repairs it. */
  breakContext(status: number): void;
  /** Aligns allocations to 256 bytes, the guaranteed minimum. */
  misalign(): void;
  callCount(): number;
  /** Waits for events so far that kept a core busy. */
  busyWaitCount(): number;
  usedBytes(device: number): number;
  /** Memory that another process allocates, or frees. */
  useElsewhere(device: number, bytes: number): void;
  live(): LiveCounts;
  /** Where translated kernels are, named by the hash of their PTX; the order in which their threads run. */
  useKernels(folder: string, order: { readonly seed: bigint; readonly isLockstep: boolean }): void;
  /** Records launches into a folder from now on (record.h). [`STAND_IN_RECORD`] */
  recordLaunches(folder: string): void;
  /** What a kernel did that made the last launch fail; empty when none did. */
  kernelFailure(): string;
  /** Frees everything, as the driver does when a process ends: after a failure that broke the context. */
  abandon(): void;
  /** Kernels that ran since the last reset. */
  launchCount(): number;
  reset(): void;
}

/** Compiles the stand-in once for each version of its source; returns its path, or the reason why there is none. */
export function compileStandIn(): { readonly path: string } | { readonly reason: string } {
  if (process.platform !== "linux") {
    return { reason: `the stand-in driver is for Linux, not for ${process.platform}` };
  }
  const hash = createHash("sha256");
  for (const name of ["stand-in.c", "kernels.h", "record.h", "launch.h", "cublas-lt.h"]) {
    hash.update(readFileSync(join(folder, name)));
  }
  const cache = join(process.env["INFERNODE_TEST_CACHE"] ?? tmpdir(), "infernode-stand-in");
  const path = join(cache, `stand-in-${hash.digest("hex").slice(0, 16)}.so`);
  if (existsSync(path)) return { path };
  mkdirSync(cache, { recursive: true });
  for (const compiler of ["cc", "gcc", "clang"]) {
    const temporary = `${path}.${process.pid}`;
    const options = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", temporary, source];
    const { status, stderr, error } = spawnSync(compiler, options, { encoding: "utf8" });
    if (error !== undefined) continue;
    if (status !== 0) throw new Error(`${compiler} did not compile the stand-in driver: ${stderr}`);
    renameSync(temporary, path);
    return { path };
  }
  return { reason: "there is no C compiler (cc, gcc, clang) to make the stand-in driver" };
}

/** Loads the stand-in; its state is shared by all that load it in this process. */
export function loadStandIn(path: string): StandIn {
  // As the product loads it: koffi has the stack for native calls that other tests of this process need.
  const loaded = loadForeignLibrary([path]);
  if ("reason" in loaded) throw new Error(loaded.reason);
  const library = loaded.handle;
  const fail = library.func("void standin_fail(const char *, int, int, int)");
  const setDevices = library.func("void standin_set_devices(int, uint64_t, int)");
  const hold = library.func("void standin_hold(int)");
  const calls = library.func("uint64_t standin_calls(void)");
  const busyWaits = library.func("uint64_t standin_busy_waits(void)");
  const gate = library.func("void standin_gate(int)");
  const split = library.func("void standin_split(int)");
  const breakContext = library.func("void standin_break(int)");
  const misalign = library.func("void standin_misalign(int)");
  const used = library.func("uint64_t standin_used(int)");
  const use = library.func("void standin_use(int, int64_t)");
  const live = library.func("int standin_live(int)");
  const reset = library.func("void standin_reset(void)");
  const kernels = library.func("void standin_kernels(const char *, uint64_t, int)");
  const record = library.func("void standin_record(const char *)");
  const failure = library.func("const char *standin_failure(void)");
  const abandon = library.func("void standin_abandon(void)");
  const launches = library.func("uint64_t standin_launches(void)");
  reset();
  return {
    path,
    driver: loadCudaDriver({ libraryPaths: [path] }),
    fail: (name, status, { after = 0, forever = false } = {}) => fail(name, status, after, forever ? 1 : 0),
    stopFailing: () => fail("", 0, 0, 0),
    setDevices: ({ count, bytes, isVirtual = true }) => setDevices(count, bytes, isVirtual ? 1 : 0),
    hold: () => hold(1),
    release: () => hold(0),
    gate: (isClosed) => gate(isClosed ? 1 : 0),
    split: (of = "r580") => split(of === "r580" ? 1 : 2),
    breakContext: (status) => breakContext(status),
    misalign: () => misalign(1),
    callCount: () => Number(calls()),
    busyWaitCount: () => Number(busyWaits()),
    usedBytes: (device) => Number(used(device)),
    useElsewhere: (device, bytes) => use(device, bytes),
    live: () =>
      Object.fromEntries(liveNames.map((name, index) => [name, live(index)])) as unknown as LiveCounts,
    useKernels: (folder, { seed, isLockstep }) => kernels(folder, seed, isLockstep ? 1 : 0),
    recordLaunches: (recordFolder) => record(recordFolder),
    kernelFailure: () => String(failure()),
    abandon: () => abandon(),
    launchCount: () => Number(launches()),
    reset: () => reset(),
  };
}

/** The counts when nothing leaks. */
export const nothingLive: LiveCounts = {
  ranges: 0,
  streams: 0,
  events: 0,
  pinned: 0,
  handles: 0,
  reservations: 0,
  contexts: 0,
  nvmlUsers: 0,
  modules: 0,
  graphs: 0,
  products: 0,
};
