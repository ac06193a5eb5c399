// Checks imports against docs/architecture.md: between packages, and between the folders of a package.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { listFiles } from "./list-files.mjs";
import { packageRooms } from "./rooms.mjs";
import { root } from "../setup.mjs";

/** `import type` is allowed where `type` says so. */
const allowed = {
  memory: { value: [], type: [] },
  models: { value: [], type: [] },
  health: { value: [], type: [] },
  discovery: { value: [], type: [] },
  inference: { value: ["memory/cuda"], type: ["memory", "models"] },
  backend: { value: "all", type: "all" },
};
const packagePattern = /^\s*(?:import|export)\s+(type\s+)?[^;]*?from\s+"@infernode\/([^"]+)"/gm;
/** Static and dynamic imports, and files that a worker or a process is started from. */
const relativePattern = /(?:\bfrom\s+|\bimport\s*\(?\s*|\bnew\s+URL\(\s*)"(\.\.?\/[^"]+)"/g;

const packages = Object.keys(allowed);
const faults = [...packages.flatMap(packageFaults), ...packages.flatMap(roomFaults)];
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length === 0 ? 0 : 1);

function packageFaults(name) {
  const rule = allowed[name];
  return importsOf(name, packagePattern).flatMap(({ path, match }) => {
    const isType = match[1] !== undefined;
    const target = match[2] ?? "";
    const list = isType ? rule.type : rule.value;
    if (list === "all" || list.includes(target) || rule.value.includes(target)) return [];
    return [
      `${relative(root, path)}: ${name} may not import ${isType ? "types of " : ""}@infernode/${target}`,
    ];
  });
}

function roomFaults(name) {
  const table = packageRooms[name];
  if (table === undefined) return [];
  const source = join(root, "packages", name, "src");
  const names = Object.keys(table.rooms);
  const roomOf = (path) =>
    names.filter((room) => `${path}/`.startsWith(`${room}/`)).toSorted((a, b) => b.length - a.length)[0];
  const here = (path) => relative(source, path).split(sep).join("/");
  const absent = names
    .filter((room) => !existsSync(join(source, room)))
    .map((room) => `rooms.mjs: ${name} has no folder src/${room}`);
  const upward = names.flatMap((room, index) =>
    table.rooms[room]
      .filter((target) => !names.slice(0, index).includes(target))
      .map((target) => `rooms.mjs: ${name}: ${room}: expected only rooms above it, got ${target}`),
  );
  const homeless = listFiles(source, ".ts")
    .map(here)
    .filter((path) => path.includes("/") && roomOf(path) === undefined)
    .map((path) => `packages/${name}/src/${path}: its folder is no room of rooms.mjs`);
  const wrong = importsOf(name, relativePattern).flatMap(({ path, match }) => {
    const room = roomOf(here(path));
    const target = here(resolve(dirname(path), match[1]));
    if (room === undefined || target.startsWith("../")) return [];
    const targetRoom = roomOf(target);
    const isAllowed =
      targetRoom === undefined
        ? table.shared.includes(target)
        : targetRoom === room || table.rooms[room].includes(targetRoom);
    return isAllowed ? [] : [`${relative(root, path)}: ${room} may not import ${target}`];
  });
  return [...absent, ...upward, ...homeless, ...wrong];
}

/** Each import of a package's sources that matches a pattern. */
function importsOf(name, pattern) {
  return listFiles(join(root, "packages", name, "src"), ".ts").flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(pattern)].map((match) => ({ path, match })),
  );
}
