// Compiles kernels to the PTX and the manifests that are committed: `node tools/kernels/build.mjs [NAME…]`, all without
// names. With --folder PATH it compiles the .cu files there, and writes NAME.ptx and NAME.ts beside them.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  findClang,
  manifestFolder,
  manifestPath,
  moduleNames,
  ptxFolder,
  ptxPath,
  sourcePath,
} from "./compile.mjs";
import { generateModule } from "./generate.mjs";
import { findPtxas } from "./ptxas.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: "string" } },
});
const clang = findClang();
if (clang.reason !== undefined) {
  process.stderr.write(`${clang.reason}\n`);
  process.exit(1);
}
const ptxas = findPtxas();
if (ptxas.reason !== undefined) process.stdout.write(`registers are not counted: ${ptxas.reason}\n`);

const folder = values.folder === undefined ? undefined : resolve(values.folder);
const known =
  folder === undefined
    ? moduleNames()
    : readdirSync(folder)
        .filter((name) => name.endsWith(".cu"))
        .map((name) => name.slice(0, -3));
const names = positionals.length === 0 ? known : positionals;
mkdirSync(manifestFolder, { recursive: true });
mkdirSync(ptxFolder, { recursive: true });
for (const name of names) {
  if (!known.includes(name)) throw new Error(`expected one of ${known.join(", ")}, got "${name}"`);
  const at = (extension, standard) =>
    folder === undefined ? standard(name) : join(folder, `${name}${extension}`);
  const manifest = at(".ts", manifestPath);
  const made = generateModule({
    name,
    clang: clang.path,
    ptxas: ptxas.path,
    source: at(".cu", sourcePath),
    manifest,
  });
  writeFileSync(at(".ptx", ptxPath), made.ptx);
  writeFileSync(manifest, made.manifest);
  process.stdout.write(`${name}: ${made.ptx.length} characters of PTX\n`);
}
