// Finds compiled modules of the workspace's packages; also a hook of Node.js's loader (compiled-packages.mjs).
import { readFileSync } from "node:fs";

const packages = new URL("../packages/", import.meta.url);
/** URLs by specifier. */
const found = new Map();

/**
 * The URL of the compiled module of what a package of the workspace exports; `undefined` for other specifiers.
 * @param {string} specifier
 * @returns {string | undefined}
 */
export function findCompiled(specifier) {
  if (!specifier.startsWith("@infernode/")) return undefined;
  if (!found.has(specifier)) found.set(specifier, readExport(specifier));
  return found.get(specifier);
}

function readExport(specifier) {
  const [, name, entry = ""] = /^@infernode\/([a-z]+)(\/.+)?$/u.exec(specifier) ?? [];
  if (name === undefined) return undefined;
  const folder = new URL(`${name}/`, packages);
  const { exports } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  const source = exports[`.${entry}`]?.["@infernode/source"];
  return source && new URL(source.replace("./src/", "./dist/").replace(/\.ts$/u, ".js"), folder).href;
}

export function resolve(specifier, context, nextResolve) {
  const url = findCompiled(specifier);
  return url === undefined ? nextResolve(specifier, context) : { url, shortCircuit: true };
}
