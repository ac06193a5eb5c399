// Checks and measures everything that needs a GPU, and writes the results as JSON and as a page beside it.
//   node tools/gpu/check.mjs [--ordinal 0] [--operations 1000000] [--steps 100000] [--budget 570] [--output file.json]
//   node tools/gpu/check.mjs --stand-in    the same over the stand-in driver, compiled here: no GPU numbers
// Needs the built packages and Node; no network. See README.md beside it.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  anyText,
  existingFile,
  existingFolder,
  integerFrom,
  parseOptions,
  refuseArguments,
} from "../parse-options.mjs";
import { formatPage } from "./kernels/write-page.mjs";

const help = `Checks and measures everything that needs a GPU: node tools/gpu/check.mjs [options]

  --ordinal 0            which GPU, as CUDA counts
  --operations 1000000   how many operations each soak has
  --steps 100000         how many steps of a server the benchmark of the pool replays
  --budget 570           seconds after which nothing more is begun, and what runs is ended
  --only <text>          only steps whose name contains it; one that no step has lists the names
  --gguf <file>          a model that node-llama-cpp is measured with
  --llama-cpp <folder>   where npm has installed node-llama-cpp with its builds for CUDA
  --cublaslt <file>      the file of cuBLASLt [by its name, or in the packages of python3]
  --tiny                 small sizes, to try the check out
  --output <file.json>   [benchmarks/results/cuda-<device>.json]
  --stand-in             over the stand-in driver: no GPU numbers
  --stand-in-library <file>   the same, compiled before and with kernels
  --help                 this
Exits with 0 where all steps passed or were skipped, 1 where one failed, 2 for a wrong argument.
`;
const { values } = parseOptions({
  help,
  options: {
    ordinal: { ...integerFrom(0, 1023), default: 0 },
    operations: { ...integerFrom(1, 1e9), default: 1_000_000 },
    steps: { ...integerFrom(1, 1e9), default: 100_000 },
    budget: { ...integerFrom(1, 86_400), default: 570 },
    only: { ...anyText, default: "" },
    output: anyText,
    gguf: existingFile,
    "llama-cpp": existingFolder,
    cublaslt: existingFile,
    tiny: true,
    "stand-in": true,
    "stand-in-library": existingFile,
  },
});
if (values["stand-in"] && values["stand-in-library"] !== undefined) {
  refuseArguments("--stand-in: expected no --stand-in-library beside it, got both");
}

// Those that import the packages come after the arguments.
const modules = Promise.all([import("./session.mjs"), import("./steps.mjs")]).catch((error) => {
  if (!String(error.code).endsWith("MODULE_NOT_FOUND")) throw error;
  return refuseArguments(`the packages: expected built ones (npm run build), got ${error.message}`);
});
const [{ cuda, gib, pathsOf, root }, { gpuSteps }] = await modules;

const steps = gpuSteps.filter(({ name }) => name.includes(values.only));
if (steps.length === 0) {
  const names = gpuSteps.map(({ name }) => `\n  ${name}`).join("");
  refuseArguments(`--only: expected a part of the name of a step, got '${values.only}'. The steps:${names}`);
}
if (values.output !== undefined) assertWritable(values.output);

/** A report that cannot be written must not be found out behind the first step. */
function assertWritable(path) {
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(dirname(path), constants.W_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error("a folder");
  } catch (error) {
    refuseArguments(`--output: expected a file that can be written, got '${path}': ${error.message}`);
  }
}

const work = mkdtempSync(join(tmpdir(), "infernode-gpu-check-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Compiles the stand-in driver; its state is shared by the processes of this run. */
function compileStandIn() {
  const source = join(root, "packages/memory/test/cuda/stand-in/stand-in.c");
  const path = join(work, "stand-in.so");
  const options = ["-O1", "-shared", "-fPIC", "-o", path, source];
  const { status, stderr, error } = spawnSync("cc", options, { encoding: "utf8" });
  if (status !== 0) {
    refuseArguments(
      `--stand-in: expected a C compiler (cc) that compiles it, got ${error?.message ?? stderr}`,
    );
  }
  process.env.STAND_IN_BYTES ??= String(48 * gib);
  process.env.STAND_IN_DEVICES ??= "1";
  process.env.STAND_IN_SHARED = join(work, "shared");
  return path;
}

function findLibrary() {
  const path = values["stand-in-library"];
  if (path !== undefined) return resolve(path);
  return values["stand-in"] ? compileStandIn() : undefined;
}

const library = findLibrary();
const results = [];
const report = {
  subject: undefined,
  isStandIn: library !== undefined,
  node: process.version,
  device: undefined,
  results,
};

function outputPath() {
  if (values.output !== undefined) return values.output;
  const name = report.isStandIn ? "stand-in" : (report.device?.name ?? "unknown");
  const fileName = `cuda-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.json`;
  return join(root, "benchmarks/results", fileName);
}

/** After each step, so that an interrupted run has the results so far. */
function writeReport() {
  mkdirSync(dirname(outputPath()), { recursive: true });
  writeFileSync(outputPath(), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(outputPath().replace(/(?:\.json)?$/u, ".md"), formatPage(report));
}

/** Whether the driver's device is the stand-in's. What is wrong with the arguments is said before any step. */
function readIsStandIn() {
  const devices = cuda.describeCudaDevices(cuda.loadCudaDriver(pathsOf(library)));
  if (devices.length === 0) {
    throw Object.assign(new Error("the driver shows no device"), { code: "CUDA_UNAVAILABLE" });
  }
  if (values.ordinal >= devices.length) {
    const names = devices.map(({ ordinal, name }) => `${ordinal} (${name})`).join(", ");
    refuseArguments(`--ordinal: expected one of ${names}, got ${values.ordinal}`);
  }
  return cuda.isStandInDevice(devices[values.ordinal]);
}

try {
  // The driver that is installed can be the stand-in too, as LD_LIBRARY_PATH has it.
  report.isStandIn = readIsStandIn();
  if (library !== undefined && !report.isStandIn) {
    refuseArguments(`--stand-in-library: expected the stand-in driver, got '${library}' with a GPU`);
  }
} catch (error) {
  if (error.code === "CUDA_UNAVAILABLE") {
    if (library !== undefined) {
      refuseArguments(`--stand-in-library: expected the stand-in driver, got '${library}': ${error.message}`);
    }
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

const endsAt = performance.now() + values.budget * 1000;

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
  const { ordinal, operations, steps: traceSteps } = values;
  const options = ["--step", name, "--result", result, "--ordinal", `${ordinal}`];
  options.push("--operations", `${operations}`, "--steps", `${traceSteps}`);
  if (library !== undefined) options.push("--library", library);
  if (report.isStandIn) options.push("--stand-in");
  if (values.gguf !== undefined) options.push("--gguf", values.gguf);
  if (values["llama-cpp"] !== undefined) options.push("--llama-cpp", values["llama-cpp"]);
  if (values.cublaslt !== undefined) options.push("--cublaslt", values.cublaslt);
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
  return new Promise((finish) => {
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
    child.once("error", (error) => finish({ name, status: "failed", error: String(error) }));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      end();
      const told = existsSync(result) ? JSON.parse(readFileSync(result, "utf8")) : {};
      if (told.status !== undefined) return finish(told);
      const why = isLate ? `ended after ${(limitMs / 1000).toFixed(0)} s` : `ended with ${signal ?? code}`;
      finish({ ...told, name, status: "failed", error: `${why}\n${noise}` });
    });
  });
}

for (const step of steps) {
  const startedAt = performance.now();
  const outcome = await runStep(step);
  const seconds = (performance.now() - startedAt) / 1000;
  results.push({ ...outcome, totalSeconds: seconds });
  report.device ??= outcome.device;
  report.subject = report.isStandIn ? "stand-in driver on host memory: not a GPU" : report.device?.name;
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
