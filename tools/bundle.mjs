// `npm run build`, second half: joins the modules of each package to a few files, which are what users run: Node.js takes longer to find and link
// several hundred modules than to compile what is in them (docs/decisions/0014-bundles.md).
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Libraries that are joined in, without what is not used of them: loading them whole takes long. */
const joinedLibraries = ["zod"];
/** What a process or a thread is started from: a file beside the one that starts it. */
const startedFile = /new URL\("\.\/([\w-]+)\.js", import\.meta\.url\)/gu;

for (const name of readdirSync(join(root, "packages"))) await bundleIfChanged(join(root, "packages", name));

/** Bundles a package if it was compiled since its last bundle. Expects compiled modules in `dist`. */
async function bundleIfChanged(folder) {
  const stampPath = join(folder, "bundle", ".stamp");
  const modules = listModules(folder);
  const stamp = JSON.stringify(modules.map((path) => [path.slice(folder.length), statSync(path).mtimeMs]));
  if (!existsSync(stampPath) || readFileSync(stampPath, "utf8") !== stamp) {
    rmSync(join(folder, "bundle"), { recursive: true, force: true });
    await bundlePackage(folder, modules);
  }
  writeFileSync(stampPath, stamp);
}

/** What was compiled from sources that are there: the compiler leaves modules whose sources have gone. */
function listModules(folder) {
  return readdirSync(join(folder, "src"), { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, "dist", path.replace(/\.ts$/, ".js")))
    .toSorted();
}

async function bundlePackage(folder, modules) {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: findEntries(folder, modules),
    platform: "node",
    external: (id) => !id.startsWith(".") && !isAbsolute(id) && !joinedLibraries.includes(id),
    plugins: [{ name: "maps-of-the-compiler", load: loadWithMap }],
  });
  // All in one folder, so that a chunk finds what it starts beside it, as the source does.
  await build.write({
    dir: join(folder, "bundle"),
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    sourcemap: true,
  });
  await build.close();
  writeLicenses(folder);
}

/** The licenses of what was joined in, which ask to be where the code is. */
function writeLicenses(folder) {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const joined = joinedLibraries.filter((name) => name in dependencies);
  if (joined.length === 0) return;
  const texts = joined.map((name) => {
    const from = join(folder, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
    return `Parts of ${name} ${version} are in these files.\n\n${readFileSync(join(from, "LICENSE"), "utf8")}`;
  });
  writeFileSync(join(folder, "bundle", "LICENSES.txt"), texts.join("\n"));
}

/** What a package exports or runs, and what it starts processes and threads from, by the name of its file. */
function findEntries(folder, modules) {
  const { exports, bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const entries = new Map(bin === undefined ? [] : [["cli", join(folder, "dist", "cli.js")]]);
  const add = (name, path) => {
    if (entries.has(name)) throw new Error(`${folder}: expected one entry named ${name}, got ${path} too`);
    entries.set(name, path);
  };
  for (const each of Object.values(exports)) {
    if (typeof each === "string") continue;
    const path = each["@infernode/source"].replace("./src/", "dist/").replace(/\.ts$/, ".js");
    add(basename(each.default, ".js"), join(folder, path));
  }
  const started = new Set(
    modules.flatMap((path) => [...readFileSync(path, "utf8").matchAll(startedFile)].map(([, name]) => name)),
  );
  for (const path of modules) if (started.has(basename(path, ".js"))) add(basename(path, ".js"), path);
  return Object.fromEntries(entries);
}

function loadWithMap(path) {
  if (!existsSync(`${path}.map`)) return undefined;
  return { code: readFileSync(path, "utf8"), map: readFileSync(`${path}.map`, "utf8") };
}
