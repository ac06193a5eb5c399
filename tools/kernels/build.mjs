// Compiles kernels to the PTX and the manifests that are committed: `node tools/kernels/build.mjs [NAME…]`, all without
// names.
import { writeFileSync } from "node:fs";
import { oneOf, parseOptions } from "../parse-options.mjs";
import { findClang, listModules } from "./compile.mjs";
import { figuresPath, formatFigures } from "./figures.mjs";
import { generateModule } from "./generate.mjs";
import { findPtxas } from "./ptxas.mjs";

const modules = listModules();
const { positionals: names } = parseOptions({
  help: `Compiles kernels to PTX and manifests: node tools/kernels/build.mjs [name...]
  <name>   a module, such as gemm; all without names
`,
  positionals: { name: "name", kind: oneOf(modules.map(({ name }) => name)) },
});
const clang = findClang();
if (clang.reason !== undefined) {
  process.stderr.write(`${clang.reason}\n`);
  process.exit(1);
}
const ptxas = findPtxas();
if (ptxas.reason !== undefined) process.stdout.write(`registers are not counted: ${ptxas.reason}\n`);

for (const module of modules) {
  if (names.length > 0 && !names.includes(module.name)) continue;
  const made = generateModule(module, { clang: clang.path, ptxas: ptxas.path });
  writeFileSync(module.ptx, made.ptx);
  writeFileSync(module.manifest, made.manifest);
  process.stdout.write(`${module.name}: ${made.ptx.length} characters of PTX\n`);
}
writeFileSync(figuresPath, await formatFigures());
