// Checks and measures everything that needs a GPU, and writes the results as JSON and as a page beside it.
//   node tools/gpu/check.mjs [--ordinal 0] [--operations 1000000] [--steps 100000] [--budget 570] [--output file.json]
//   node tools/gpu/check.mjs --stand-in    the same over the stand-in driver, compiled here: no GPU numbers
// Needs the built packages and Node; no network. See README.md beside it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cuda, gib, pathsOf, root } from "./session.mjs";
import { formatPage } from "./kernels/write-page.mjs";
import { gpuSteps } from "./steps.mjs";

const helpText = `options:
  --ordinal 0            which GPU, as CUDA counts
  --operations 1000000   how many operations each soak has
  --steps 100000         how many steps of a server the benchmark of the pool replays
  --budget 570           seconds after which nothing more is begun, and what runs is ended
  --only <text>          only steps whose name contains it
  --gguf <file>          a model that node-llama-cpp is measured with
  --llama-cpp <folder>   where npm has installed node-llama-cpp with its builds for CUDA
  --tiny                 small sizes, to try the check out
  --output <file.json>   [benchmarks/results/cuda-<device>.json]
  --stand-in             over the stand-in driver: no GPU numbers
  --stand-in-library <file>   the same, compiled before and with kernels
`;
const { values } = parseArgs({
  options: {
    ordinal: { type: "string", default: "0" },
    operations: { type: "string", default: "1000000" },
    steps: { type: "string", default: "100000" },
    budget: { type: "string", default: "570" },
    only: { type: "string", default: "" },
    output: { type: "string" },
    gguf: { type: "string" },
    "llama-cpp": { type: "string" },
    tiny: { type: "boolean", default: false },
    "stand-in": { type: "boolean", default: false },
    "stand-in-library": { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(helpText);
  process.exit(0);
}

const work = mkdtempSync(join(tmpdir(), "infernode-gpu-check-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Compiles the stand-in driver; its state is shared by the processes of this run. */
function compileStandIn() {
  const source = join(root, "packages/memory/test/cuda/stand-in/stand-in.c");
  const path = join(work, "stand-in.so");
  const options = ["-O1", "-shared", "-fPIC", "-o", path, source];
  const { status, stderr, error } = spawnSync("cc", options, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the stand-in driver was not compiled: ${error ?? stderr}`);
  process.env.STAND_IN_BYTES ??= String(48 * gib);
  process.env.STAND_IN_DEVICES ??= "1";
  process.env.STAND_IN_SHARED = join(work, "shared");
  return path;
}

const library = values["stand-in-library"] ?? (values["stand-in"] ? compileStandIn() : undefined);
const isStandIn = library !== undefined;
const results = [];
const report = { subject: undefined, isStandIn, node: process.version, device: undefined, results };

function outputPath() {
  if (values.output !== undefined) return values.output;
  const name = isStandIn ? "stand-in" : (report.device?.name ?? "unknown");
  const fileName = `cuda-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.json`;
  return join(root, "benchmarks/results", fileName);
}

/** After each step, so that an interrupted run has the results so far. */
function writeReport() {
  mkdirSync(dirname(outputPath()), { recursive: true });
  writeFileSync(outputPath(), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(outputPath().replace(/(?:\.json)?$/u, ".md"), formatPage(report));
}

try {
  cuda.loadCudaDriver(pathsOf(library));
} catch (error) {
  if (error.code === "CUDA_UNAVAILABLE") {
    process.stdout.write(`nothing was checked: ${error.message}\n`);
    if (values.output !== undefined) {
      report.subject = `nothing was checked: ${error.message}`;
      writeReport();
    }
    process.exit(0);
  }
  // A driver that fails is a result; steps that do not need it still run.
  results.push({ name: "the driver", status: "failed", error: String(error.stack), code: error.code });
}

const endsAt = performance.now() + Number(values.budget) * 1000;

let endCurrent = () => {};
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    endCurrent();
    process.exit(1);
  });
}

/** Runs a step in its own process group, which is killed at its timeout. */
function runStep({ name, seconds }) {
  const leftMs = endsAt - performance.now();
  if (leftMs < 1000) return { name, status: "skipped", reason: "no time was left" };
  const result = join(work, "result.json");
  rmSync(result, { force: true });
  const { ordinal, operations, steps } = values;
  const options = ["--step", name, "--result", result, "--ordinal", ordinal];
  options.push("--operations", operations, "--steps", steps);
  if (isStandIn) options.push("--library", library);
  if (values.gguf !== undefined) options.push("--gguf", values.gguf);
  if (values["llama-cpp"] !== undefined) options.push("--llama-cpp", values["llama-cpp"]);
  if (values.tiny) options.push("--tiny");
  const program = fileURLToPath(new URL("steps.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, ...options], {
    detached: true,
    stdio: ["ignore", "inherit", "pipe"],
  });
  let noise = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    noise = (noise + text).slice(-4000);
  });
  const limitMs = Math.min(leftMs, seconds * 1000);
  return new Promise((resolve) => {
    let isLate = false;
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has exited.
      }
    };
    endCurrent = end;
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, limitMs);
    child.once("error", (error) => resolve({ name, status: "failed", error: String(error) }));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      end();
      const told = existsSync(result) ? JSON.parse(readFileSync(result, "utf8")) : {};
      if (told.status !== undefined) return resolve(told);
      const why = isLate ? `ended after ${(limitMs / 1000).toFixed(0)} s` : `ended with ${signal ?? code}`;
      resolve({ ...told, name, status: "failed", error: `${why}\n${noise}` });
    });
  });
}

for (const step of gpuSteps.filter(({ name }) => name.includes(values.only))) {
  const startedAt = performance.now();
  const outcome = await runStep(step);
  const seconds = (performance.now() - startedAt) / 1000;
  results.push({ ...outcome, totalSeconds: seconds });
  report.device ??= outcome.device;
  report.subject = isStandIn ? "stand-in driver on host memory: not a GPU" : report.device?.name;
  process.stdout.write(`${outcome.status}  ${outcome.name}  ${seconds.toFixed(1)} s\n`);
  const why = outcome.error ?? outcome.reason;
  if (why !== undefined) process.stdout.write(`${why}\n`);
  writeReport();
}

const count = (status) => results.filter((result) => result.status === status).length;
process.stdout.write(
  `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped on ${report.subject}; ` +
    `written to ${outputPath()}\n`,
);
process.exitCode = count("failed") === 0 ? 0 : 1;
