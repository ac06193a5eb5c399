// Counts what kernels ask of memory, with launches of the shape of a model on the processor that stands in for a GPU, and
// writes memory-counts.json and the figures.
//   node tools/kernels/counts.mjs              modules whose PTX is another than that which was counted
//   node tools/kernels/counts.mjs NAME…        these modules, and prints each instruction that asks for more than it must
// Needs a C++ compiler; with clang, places in the sources are named.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../setup.mjs";
import { oneOf, parseOptions } from "../parse-options.mjs";
import { findClang, listModules } from "./compile.mjs";
import { figuresPath, formatFigures } from "./figures.mjs";
import { countsPath } from "./format-counts.mjs";
import { readHash } from "./generate.mjs";
import { readSourceLines } from "./source-lines.mjs";

const kinds = ["globalLoads", "globalStores", "sharedLoads", "sharedStores"];

/** Asynchronous copies load from global memory and store to shared memory; atomics are stores. */
function kindOf({ opcode, space }) {
  const isLoad = /^(?:ld|ldu|ldmatrix)\b/u.test(opcode) || (opcode.startsWith("cp.") && space === "global");
  return `${space}${isLoad ? "Loads" : "Stores"}`;
}

/** Runs the launches of modules; returns `[kernel, counts]` of each. */
function runModules(names) {
  const folder = mkdtempSync(join(tmpdir(), "infernode-counts-"));
  const file = join(folder, "counts.json");
  const env = { ...process.env, INFERNODE_COUNTED_MODULES: names.join(), INFERNODE_COUNTS_FILE: file };
  const args = ["run", "packages/inference/test/executors/cuda/counts", "-t", "writes the counts"];
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/vitest"), args, {
    cwd: root,
    env,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the launches failed: ${stdout}`);
  const counts = JSON.parse(readFileSync(file, "utf8"));
  rmSync(folder, { recursive: true });
  return counts;
}

/** Sums of the accesses of a kind, and the one that asks for the most more than it must. */
function summarize(accesses) {
  const sum = (key) => accesses.reduce((total, each) => total + each[key], 0);
  const [worst] = accesses.toSorted((a, b) => b.units - b.ideal - (a.units - a.ideal));
  return {
    requests: sum("requests"),
    bytes: sum("bytes"),
    units: sum("units"),
    ideal: sum("ideal"),
    ...(worst !== undefined && worst.units > worst.ideal
      ? { worst: { at: worst.at, opcode: worst.opcode, units: worst.units, ideal: worst.ideal } }
      : {}),
  };
}

const shipped = listModules().filter(({ isShipped }) => isShipped);
const { positionals: names } = parseOptions({
  help: `Counts what kernels ask of memory: node tools/kernels/counts.mjs [name...]
  <name>   a module, such as gemm, whose instructions that move more than they must are printed too;
           without names, modules whose PTX has changed
Needs a C++ compiler.
`,
  positionals: { name: "name", kind: oneOf(shipped.map(({ name }) => name)) },
});
const stored = JSON.parse(readFileSync(countsPath, "utf8"));
const hashes = new Map(shipped.map(({ name, ptx }) => [name, readHash(readFileSync(ptx, "utf8"))]));
const wanted = shipped.filter(({ name }) =>
  names.length > 0 ? names.includes(name) : stored.modules[name] !== hashes.get(name),
);
const clang = findClang();
if (clang.reason !== undefined) process.stdout.write(`places are lines of PTX: ${clang.reason}\n`);

const kernels = { ...stored.kernels };
if (wanted.length > 0) {
  const lines = new Map(
    wanted.map((module) => [
      module.name,
      clang.path === undefined ? () => undefined : readSourceLines(module, clang.path),
    ]),
  );
  for (const name of Object.keys(kernels)) {
    if (wanted.some((module) => name.startsWith(`${module.name}/`))) delete kernels[name];
  }
  const placeOf = (module, line) => lines.get(module)(line) ?? `line ${line} of the PTX`;
  for (const [name, { instructions, products, operations, accesses }] of runModules([...lines.keys()])) {
    const [module] = name.split("/");
    const placed = accesses
      .filter(({ requests }) => requests > 0)
      .map((each) => Object.assign(each, { kind: kindOf(each), at: placeOf(module, each.line) }));
    kernels[name] = {
      instructions,
      products,
      operations,
      ...Object.fromEntries(
        kinds.map((kind) => [kind, summarize(placed.filter((each) => each.kind === kind))]),
      ),
    };
    if (names.length === 0) continue;
    process.stdout.write(`${name}: ${instructions} instructions, ${products} products\n`);
    for (const { kind, at, opcode, line, requests, units, ideal } of placed) {
      if (units > ideal) {
        process.stdout.write(
          `  ${kind} ${at} (PTX ${line}) ${opcode}: ${units} for ${ideal}, ${requests} requests\n`,
        );
      }
    }
  }
}
const order = (a, b) => (a < b ? -1 : 1);
const sorted = (object) => Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => order(a, b)));
const modules = Object.fromEntries(
  [...hashes].map(([name, hash]) => [
    name,
    wanted.some((module) => module.name === name) ? hash : stored.modules[name],
  ]),
);
const rows = Object.entries(sorted(kernels)).map(
  ([name, counts]) => `    ${JSON.stringify(name)}: ${JSON.stringify(counts)}`,
);
writeFileSync(
  countsPath,
  `{\n  "modules": ${JSON.stringify(modules, undefined, 4).replace(/\}$/u, "  }")},\n  "kernels": {\n${rows.join(",\n")}\n  }\n}\n`,
);
writeFileSync(figuresPath, await formatFigures());
