import { readdirSync } from "node:fs";
import { join } from "node:path";

const ignored = new Set(["node_modules", "dist", "bundle", ".git", ".infernode"]);

/** Every file in a directory tree whose name has an ending, except built and installed ones. */
export function listFiles(folder, ending) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : listFiles(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}
