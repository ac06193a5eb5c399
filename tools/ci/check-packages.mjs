// Packs every package, checks the tarball (publint, "are the types wrong"), installs it alone with npm in an empty
// folder and runs the program of its README there.
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { root } from "../setup.mjs";

const work = mkdtempSync(join(tmpdir(), "infernode-packages-"));
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const env = {
  ...process.env,
  npm_config_audit: "false",
  npm_config_fund: "false",
};
let failed = 0;

/** Runs a command, says how it ended, and resolves with its output. */
function run(title, [command, ...args], options = {}) {
  return new Promise((resolve) => {
    const limits = { encoding: "utf8", timeout: 300_000, maxBuffer: 64 * 2 ** 20 };
    execFile(command, args, { ...limits, env, ...options }, (error, stdout, stderr) => {
      if (error !== null) failed += 1;
      const said = error === null ? "" : `${String(stdout)}${String(stderr)}${error.message}\n`;
      process.stdout.write(`${error === null ? "ok" : "FAILED"}: ${title}\n${said}`);
      resolve(stdout);
    });
  });
}

/** Much of the time is waiting for the registry. */
async function forEachPackage(task) {
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await task(name);
  };
  await Promise.all([work(), work(), work()]);
}

const names = readdirSync(join(root, "packages"));
const manifests = new Map(
  names.map((name) => [name, JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))]),
);
const packed = join(work, "tarballs");
mkdirSync(packed);
const packAll = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", packed];
await run("pack", ["npx", "--yes", packageManager, ...packAll], { cwd: root });
const tarballs = new Map();
await forEachPackage(async (name) => {
  const tarball = join(packed, `infernode-${name}-${manifests.get(name).version}.tgz`);
  if (!existsSync(tarball)) {
    failed += 1;
    process.stdout.write(`FAILED: ${name} was not packed\n`);
    return;
  }
  tarballs.set(name, tarball);
  const manifest = await run(`manifest of ${name}`, ["tar", "-xzOf", tarball, "package/package.json"]);
  const ranges = Object.entries({
    ...JSON.parse(manifest).dependencies,
    ...JSON.parse(manifest).optionalDependencies,
  });
  for (const [dependency, range] of ranges.filter(([, each]) =>
    /^(workspace|catalog|file|link):/.test(each),
  )) {
    failed += 1;
    process.stdout.write(`FAILED: ${name} would be published with ${dependency} at ${range}\n`);
  }
  await run(`publint ${name}`, [join(root, "node_modules/.bin/publint"), "run", tarball, "--strict"], {
    cwd: root,
  });
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  // The packages are ES modules alone.
  const problems = (analysis.problems ?? [{ kind: "NoTypes" }]).filter(
    ({ resolutionKind }) => resolutionKind !== "node10" && resolutionKind !== "node16-cjs",
  );
  if (problems.length > 0) failed += 1;
  const said = problems.map((problem) => `${JSON.stringify(problem)}\n`).join("");
  process.stdout.write(`${said === "" ? "ok" : "FAILED"}: types resolve ${name}\n${said}`);
});

/** A package and the workspace packages that it depends on: those are not in the registry. */
function withDependencies(name, known = new Set()) {
  known.add(name);
  for (const each of Object.keys(manifests.get(name).dependencies ?? {})) {
    const [scope, dependency] = each.split("/");
    if (scope === "@infernode" && !known.has(dependency)) withDependencies(dependency, known);
  }
  return known;
}

await forEachPackage(async (name) => {
  const readme = readFileSync(join(root, "packages", name, "README.md"), "utf8");
  const program = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
  const folder = join(work, "alone", name);
  mkdirSync(folder, { recursive: true });
  if (program === undefined) {
    failed += 1;
    process.stdout.write(`FAILED: packages/${name}/README.md has no program in a js block\n`);
    return;
  }
  // The program's other imports are what its README says to install.
  const needed = new Set();
  for (const [, each] of program.matchAll(/@infernode\/([a-z]+)/g)) {
    for (const need of withDependencies(each)) needed.add(need);
  }
  for (const need of withDependencies(name)) needed.add(need);
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "alone", private: true, type: "module" }),
  );
  writeFileSync(join(folder, "program.mjs"), program);
  // As the READMEs say: onnxruntime-node's install script would download from outside the registry.
  const files = [...needed].map((each) => tarballs.get(each)).filter((each) => each !== undefined);
  await run(
    `install ${name} alone`,
    ["npm", "install", "--ignore-scripts", "--no-save", "--loglevel=error", ...files],
    {
      cwd: folder,
    },
  );
  const output = await run(`program of ${name}`, [process.execPath, "program.mjs"], { cwd: folder });
  if (output.trim() === "") {
    failed += 1;
    process.stdout.write(`FAILED: the program of ${name} wrote nothing\n`);
  }
});
rmSync(work, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);
