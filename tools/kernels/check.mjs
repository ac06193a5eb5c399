// Checks that PTX and manifests fit the sources of the kernels: by the hash of the sources everywhere, by another build
// where clang is at hand, and that the PTX assembles for all chips where ptxas is.
import { existsSync, readFileSync } from "node:fs";
import { parseOptions } from "../parse-options.mjs";
import { findClang, hashSources, listModules } from "./compile.mjs";
import { figuresPath, formatFigures } from "./figures.mjs";
import { countsPath } from "./format-counts.mjs";
import { generateModule, readHash } from "./generate.mjs";
import { assemble, chips, findPtxas } from "./ptxas.mjs";

parseOptions({
  help: "Checks that PTX, manifests and figures fit the sources: node tools/kernels/check.mjs\n",
});
const failures = [];
const modules = listModules();
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const withoutRegisters = (manifest) => manifest.replaceAll(/^ *registers: .*\n/gmu, "");

for (const { name, source, ptx, manifest } of modules) {
  const hash = hashSources(source);
  for (const path of [ptx, manifest]) {
    const found = readHash(read(path));
    if (found !== hash) {
      failures.push(
        `${path}: expected sources ${hash}, got ${found ?? "no such file"}: run node tools/kernels/build.mjs ${name}`,
      );
    }
  }
}

const counted = JSON.parse(readFileSync(countsPath, "utf8")).modules;
for (const { name, ptx } of modules.filter((module) => module.isShipped)) {
  if (counted[name] !== readHash(read(ptx))) {
    failures.push(`${countsPath}: expected counts of another ${name}: run node tools/kernels/counts.mjs`);
  }
}

if ((await formatFigures()) !== read(figuresPath)) {
  failures.push(`${figuresPath}: expected other figures: run node tools/kernels/figures.mjs`);
}

const clang = findClang();
if (clang.reason !== undefined) {
  process.stdout.write(`not built again: ${clang.reason}\n`);
} else {
  for (const module of modules) {
    const { ptx, manifest } = module;
    const made = generateModule(module, { clang: clang.path });
    if (made.ptx !== read(ptx)) failures.push(`${ptx}: another build gave other bytes`);
    if (withoutRegisters(made.manifest) !== withoutRegisters(read(manifest))) {
      failures.push(`${manifest}: another build gave another manifest`);
    }
  }
}

const ptxas = findPtxas();
if (ptxas.reason !== undefined) {
  process.stdout.write(`not assembled: ${ptxas.reason}\n`);
} else {
  for (const { ptx } of modules) {
    for (const chip of chips) {
      for (const [kernel, { spillBytes }] of assemble(ptxas.path, read(ptx), chip)) {
        if (spillBytes > 0) {
          failures.push(`${kernel}: ${spillBytes} bytes of registers are spilled on ${chip}`);
        }
      }
    }
  }
}
for (const failure of failures) process.stderr.write(`${failure}\n`);
process.stdout.write(`${modules.length} modules, ${failures.length} failures\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
