// Installs and builds the workspace with only Node and npm; fast when nothing changed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const stampPath = join(root, "node_modules", ".infernode-setup");

/** Runs a command and shows its output; exits with its code if it fails. */
export function runOrExit(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) {
    process.stderr.write(`infernode: could not run ${command}: ${result.error.message}\n`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function hashOfInstallInputs() {
  const hash = createHash("sha256").update(process.version).update(process.arch);
  const manifests = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const folder of readdirSync(join(root, "packages"))) manifests.push(`packages/${folder}/package.json`);
  for (const folder of ["benchmarks", "examples", "test"]) manifests.push(`${folder}/package.json`);
  for (const manifest of manifests) {
    const path = join(root, manifest);
    if (existsSync(path)) hash.update(manifest).update(readFileSync(path));
  }
  return hash.digest("hex");
}

export function assertNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`infernode: Node.js 20.19 or later is needed, this is ${process.versions.node}\n`);
  process.exit(1);
}

/** Installs the dependencies of the lock file with the pnpm of `packageManager`. */
export function install() {
  const hash = hashOfInstallInputs();
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === hash) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  process.stderr.write(`infernode: installing dependencies (${packageManager}) …\n`);
  // pnpm 10 asks before it replaces a modules folder; CI=true answers yes.
  const env = { ...process.env, CI: "true", npm_config_yes: "true" };
  runOrExit("npx", ["--yes", packageManager, "install", "--frozen-lockfile"], {
    env,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stampPath, hash);
}

/** Compiles and bundles what changed. */
export function build() {
  const isFirst = !existsSync(join(root, "packages", "backend", "bundle", "cli.js"));
  if (isFirst) process.stderr.write("infernode: building …\n");
  const stdio = ["ignore", 2, 2];
  runOrExit(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"], { stdio });
  runOrExit(process.execPath, [join(root, "tools", "bundle.mjs")], { stdio });
}
