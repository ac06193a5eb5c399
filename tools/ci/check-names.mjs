// Checks that constants are camelCase, like every other binding. Linters have no rule for it.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { listFiles } from "./list-files.mjs";
import { root } from "../setup.mjs";

const folders = ["packages", "test", "benchmarks", "examples", "tools"];
const constantPattern = /^[ \t]*(?:export )?(?:const|let|static readonly) ([A-Z][A-Z0-9_]*)\b/gm;

const paths = folders.flatMap((folder) =>
  [".ts", ".mjs"].flatMap((ending) => listFiles(join(root, folder), ending)),
);
const faults = paths.flatMap((path) =>
  [...readFileSync(path, "utf8").matchAll(constantPattern)].map(
    ([, name]) => `${relative(root, path)}: expected a name in camelCase, got ${name}`,
  ),
);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length === 0 ? 0 : 1);
