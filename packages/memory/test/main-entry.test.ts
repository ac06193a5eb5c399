import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** The modules that an entry loads at run time, by their import specifiers. */
function modulesOf(entry: string, found: Set<string> = new Set()): ReadonlySet<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  const text = readFileSync(entry, "utf8");
  for (const [statement, name = ""] of text.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)";/gms)) {
    if (/^(?:import|export) type\b/.test(statement)) continue;
    if (name.startsWith(".")) modulesOf(join(dirname(entry), name), found);
    else found.add(name);
  }
  return found;
}

it("loads no native code from the main entry, and koffi from the CUDA entry only", () => {
  const main = modulesOf(join(source, "index.ts"));
  expect([...main].filter((name) => !name.startsWith(source) && !name.startsWith("node:"))).toEqual([]);
  expect([...main].filter((name) => name.includes("/cuda/"))).toEqual([]);
  expect(modulesOf(join(source, "cuda", "index.ts"))).toContain("koffi");
});
