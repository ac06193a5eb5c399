// Holds docs/architecture.md: which package may import which. `import type` is allowed where it says so.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listFiles } from "./list-files.mjs";
import { root } from "../setup.mjs";

const allowed = {
  memory: { value: [], type: [] },
  models: { value: [], type: [] },
  health: { value: [], type: [] },
  discovery: { value: [], type: [] },
  inference: { value: ["memory/cuda"], type: ["memory", "models"] },
  backend: { value: "all", type: "all" },
};
const pattern = /^\s*(?:import|export)\s+(type\s+)?[^;]*?from\s+"@infernode\/([^"]+)"/gm;

let count = 0;
for (const [name, rule] of Object.entries(allowed)) {
  for (const file of listFiles(join(root, "packages", name, "src"), ".ts")) {
    const text = readFileSync(file, "utf8");
    for (const match of text.matchAll(pattern)) {
      const isType = match[1] !== undefined;
      const target = match[2] ?? "";
      const list = isType ? rule.type : rule.value;
      if (list === "all" || list.includes(target) || rule.value.includes(target)) continue;
      count += 1;
      process.stderr.write(
        `${file}: ${name} may not import ${isType ? "types of " : ""}@infernode/${target}\n`,
      );
    }
  }
}
process.exit(count === 0 ? 0 : 1);
