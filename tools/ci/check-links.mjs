// Every relative link in a Markdown file leads to a file; in published files, to one of the same package,
// since a registry's page has nothing else.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { root } from "../setup.mjs";
import { listFiles } from "./list-files.mjs";

/** The directory of the package that publishes a file. */
function publishedFolder(file) {
  const [top, name] = relative(root, file).split(sep);
  return top === "packages" ? join(root, top, name) : undefined;
}

let count = 0;
for (const file of listFiles(root, ".md")) {
  const text = readFileSync(file, "utf8").replaceAll(/```[\s\S]*?```/g, "");
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:|^#/.test(target)) continue;
    const path = join(dirname(file), decodeURI(target.split("#")[0]));
    const published = publishedFolder(file);
    const leavesPackage = published !== undefined && relative(published, path).startsWith("..");
    if (existsSync(path) && !leavesPackage) continue;
    count += 1;
    const what = leavesPackage
      ? "leads out of the package, and to nothing on a registry's page"
      : "is not there";
    process.stderr.write(`${relative(root, file)}: ${target} ${what}\n`);
  }
}
process.exit(count === 0 ? 0 : 1);
