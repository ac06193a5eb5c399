// Which line of the sources each line of a module's PTX comes from: a second build, with lines and nothing else that differs.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { compileWithLines, kernelFolder } from "./compile.mjs";

/** A copy of the sources whose functions of the device have no lines of their own, so that callers' are named. */
function copySources() {
  const folder = join(mkdtempSync(join(tmpdir(), "infernode-lines-")), "kernels");
  cpSync(kernelFolder, folder, { recursive: true });
  const device = join(folder, "device");
  for (const name of readdirSync(device)) {
    const path = join(device, name);
    const text = readFileSync(path, "utf8").replaceAll(
      /(?<!#define )\bDEV\b/gu,
      "DEV __attribute__((nodebug))",
    );
    writeFileSync(path, text);
  }
  return folder;
}

/**
 * Returns a function from a line of the module's PTX to `file:line`, or to undefined where there is none.
 * @throws Error where the PTX was built from other sources
 */
export function readSourceLines({ source, ptx }, clang) {
  const folder = copySources();
  const debug = compileWithLines(clang, join(folder, basename(source)), folder);
  rmSync(join(folder, ".."), { recursive: true });
  const files = new Map(
    [...debug.matchAll(/^\t\.file\t(\d+) "([^"]*)"/gmu)].map(([, at, path]) => [at, basename(path)]),
  );
  const found = [undefined];
  const lines = [];
  let place;
  for (const line of debug.replace(/\n\t\.section[\s\S]*$/u, "\n").split("\n")) {
    const location = /^\t\.loc\t(\d+) (\d+)/u.exec(line);
    if (location !== null) place = `${files.get(location[1])}:${location[2]}`;
    if (line.startsWith(".visible .entry")) place = undefined;
    if (location !== null || /^(?:\t\.file|Ltmp\d+:|Lfunc_\w+:)/u.test(line)) continue;
    lines.push(line);
    found.push(place);
  }
  // The first line of the PTX says what it was built from.
  const built = readFileSync(ptx, "utf8").split("\n").slice(1);
  const isSame = built
    .filter((line) => line !== "")
    .every((line, at) => line === lines.filter((each) => each !== "")[at]);
  if (!isSame) throw new Error(`${ptx}: expected the PTX of the sources, got another`);
  return (line) => found[line - 1];
}
