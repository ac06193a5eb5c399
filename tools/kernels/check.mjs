// Checks that PTX and manifests fit the sources of the kernels: by the hash of the sources everywhere, by another build
// where clang is at hand, and that the PTX assembles for all chips where ptxas is.
import { existsSync, readFileSync } from "node:fs";
import { findClang, hashSources, manifestPath, moduleNames, ptxPath, sourcePath } from "./compile.mjs";
import { generateModule, readHash } from "./generate.mjs";
import { assemble, chips, findPtxas } from "./ptxas.mjs";

const failures = [];
const names = moduleNames();
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const withoutRegisters = (manifest) => manifest.replaceAll(/^ *registers: .*\n/gmu, "");

for (const name of names) {
  const hash = hashSources(sourcePath(name));
  for (const path of [ptxPath(name), manifestPath(name)]) {
    const found = readHash(read(path));
    if (found !== hash) {
      failures.push(
        `${path}: expected sources ${hash}, got ${found ?? "no such file"}: run node tools/kernels/build.mjs ${name}`,
      );
    }
  }
}

const clang = findClang();
if (clang.reason !== undefined) {
  process.stdout.write(`not built again: ${clang.reason}\n`);
} else {
  for (const name of names) {
    const made = generateModule({ name, clang: clang.path });
    if (made.ptx !== read(ptxPath(name))) failures.push(`${ptxPath(name)}: another build gave other bytes`);
    if (withoutRegisters(made.manifest) !== withoutRegisters(read(manifestPath(name)))) {
      failures.push(`${manifestPath(name)}: another build gave another manifest`);
    }
  }
}

const ptxas = findPtxas();
if (ptxas.reason !== undefined) {
  process.stdout.write(`not assembled: ${ptxas.reason}\n`);
} else {
  for (const name of names) {
    for (const chip of chips) {
      for (const [kernel, { spillBytes }] of assemble(ptxas.path, read(ptxPath(name)), chip)) {
        if (spillBytes > 0) {
          failures.push(`${kernel}: ${spillBytes} bytes of registers are spilled on ${chip}`);
        }
      }
    }
  }
}
for (const failure of failures) process.stderr.write(`${failure}\n`);
process.stdout.write(`${names.length} modules, ${failures.length} failures\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
