// Builds what changed before vitest runs: tests import what was compiled.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, root } from "./setup.mjs";

export function setup() {
  // What was packed for a machine without a network is compiled, and has no compiler.
  if (existsSync(join(root, "node_modules", "typescript"))) build();
}
