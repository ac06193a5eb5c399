import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

/** Variables with which another process loads a library as its driver; none for the machine's. */
export function driverEnvironment({ library, result }) {
  if (library === undefined) return {};
  const folder = `${result}.libraries`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  symlinkSync(resolve(library), join(folder, "libcuda.so.1"));
  return { LD_LIBRARY_PATH: folder };
}
