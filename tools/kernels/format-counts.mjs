// What launches ask of memory, as a table of the figures.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";
import { share, table, thousands } from "./tables.mjs";

/** Written by counts.mjs. */
export const countsPath = join(root, "tools/kernels/memory-counts.json");

/** What a kind of accesses moves in all, and must: an empty cell where there are none. */
const shareOf = ({ units, ideal }) => (units === 0 ? "" : share(ideal / units));
const passesOf = ({ units, ideal }) => (units === 0 ? "" : (units / ideal).toFixed(2));

/** The instruction of a kernel that moves the most more than it must. */
function worstOf(kinds) {
  const found = kinds.flatMap(({ worst }) => (worst === undefined ? [] : [worst]));
  const [most] = found.toSorted((a, b) => b.units - b.ideal - (a.units - a.ideal));
  if (most === undefined) return "";
  return `\`${most.opcode.split(".").slice(0, 2).join(".")}\` ${most.at}, ${(most.units / most.ideal).toFixed(1)}`;
}

/** The table of what launches ask of memory. */
export function formatCounts() {
  const { kernels } = JSON.parse(readFileSync(countsPath, "utf8"));
  const rows = Object.entries(kernels).map(([name, counts]) => {
    const { instructions, products, operations, globalLoads, globalStores, sharedLoads, sharedStores } =
      counts;
    const moved = 32 * (globalLoads.units + globalStores.units);
    return [
      `\`${name}\``,
      thousands((globalLoads.bytes + globalStores.bytes) / 1024),
      thousands(moved / 1024),
      shareOf(globalLoads),
      shareOf(globalStores),
      passesOf(sharedLoads),
      passesOf(sharedStores),
      thousands(instructions),
      products === 0 ? "" : (instructions / products).toFixed(1),
      products === 0 ? "" : (moved / operations).toFixed(3),
      worstOf([globalLoads, globalStores, sharedLoads, sharedStores]),
    ];
  });
  const head = [
    "kernel",
    "KiB asked for",
    "KiB moved",
    "loads",
    "stores",
    "shared loads",
    "shared stores",
    "instructions",
    "a product",
    "bytes an operation",
    "worst instruction",
  ];
  return table(head, rows);
}
