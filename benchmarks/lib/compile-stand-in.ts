import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Of the compiled benchmark, `benchmarks/dist/lib`. */
const source = fileURLToPath(
  new URL("../../../packages/memory/test/cuda/stand-in/stand-in.c", import.meta.url),
);

/** Compiles the stand-in driver of the tests; returns the library, which is removed when the process exits, or why there is none. */
export function compileStandIn(): { readonly path: string } | { readonly reason: string } {
  const folder = mkdtempSync(join(tmpdir(), "infernode-stand-in-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "stand-in.so");
  const options = ["-O1", "-shared", "-fPIC", "-o", path, source];
  const { status, stderr, error } = spawnSync("cc", options, { encoding: "utf8" });
  if (status === 0) return { path };
  return { reason: `the stand-in driver was not compiled: ${error?.message ?? stderr}` };
}
