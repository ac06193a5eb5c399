// Every relative link in a Markdown file leads to a file.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "../setup.mjs";
import { listFiles } from "./list-files.mjs";

let count = 0;
for (const file of listFiles(root, ".md")) {
  const text = readFileSync(file, "utf8").replaceAll(/```[\s\S]*?```/g, "");
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:|^#/.test(target)) continue;
    const path = join(dirname(file), decodeURI(target.split("#")[0]));
    if (existsSync(path)) continue;
    count += 1;
    process.stderr.write(`${relative(root, file)}: ${target} is not there\n`);
  }
}
process.exit(count === 0 ? 0 : 1);
