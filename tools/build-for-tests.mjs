// Before vitest runs: builds what changed, as tests import what was compiled, and gives the run a folder for temporary
// files, which goes with everything that a test has left in it.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, root } from "./setup.mjs";

export function setup() {
  // What was packed for a machine without a network is compiled, and has no compiler.
  if (existsSync(join(root, "node_modules", "typescript"))) build();
  const folder = mkdtempSync(join(tmpdir(), "infernode-tests-"));
  // What is compiled for tests is kept between runs.
  process.env.INFERNODE_TEST_CACHE ??= tmpdir();
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
