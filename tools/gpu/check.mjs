// Runs everything about CUDA memory that a GPU is needed for, and writes what came out as JSON.
//   node tools/gpu/check.mjs [--ordinal 0] [--operations 1000000] [--steps 100000] [--output file.json]
//   node tools/gpu/check.mjs --stand-in    the same over the stand-in driver, compiled here: no GPU numbers
// Needs the built packages and Node; no network. See README.md beside it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TAG = { model: "check", purpose: "workspace" };
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values } = parseArgs({
  options: {
    ordinal: { type: "string", default: "0" },
    operations: { type: "string", default: "1000000" },
    steps: { type: "string", default: "100000" },
    output: { type: "string" },
    "stand-in": { type: "boolean", default: false },
    hold: { type: "string" },
    library: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --ordinal 0  --operations 1000000  --steps 100000  --output <file.json>  --stand-in (no GPU numbers)\n",
  );
  process.exit(0);
}

const require = createRequire(join(root, "benchmarks", "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const cuda = await load("@infernode/memory/cuda");
const { allocatorCases, soakAllocator } = await load("@infernode/memory/testing");

const work = mkdtempSync(join(tmpdir(), "infernode-gpu-check-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Compiles the stand-in driver; what it holds is shared by the processes of this run. */
function compileStandIn() {
  const source = join(root, "packages/memory/test/cuda/stand-in/stand-in.c");
  const path = join(work, "stand-in.so");
  const { status, stderr } = spawnSync("cc", ["-O1", "-shared", "-fPIC", "-o", path, source], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the stand-in driver was not compiled: ${stderr}`);
  process.env.STAND_IN_BYTES = String(48 * GIB);
  process.env.STAND_IN_DEVICES = "1";
  process.env.STAND_IN_SHARED = join(work, "shared");
  return path;
}

const library = values.library ?? (values["stand-in"] ? compileStandIn() : undefined);
const paths = library === undefined ? {} : { libraryPaths: [library] };
const ordinal = Number(values.ordinal);

/** Holds so many bytes until its input ends; how the second process is played. */
async function holdMemory(sizeBytes) {
  const device = cuda.createCudaDevice({ driver: cuda.loadCudaDriver(paths), ordinal });
  const pool = cuda.createCudaMemoryPool({ device });
  const block = pool.allocate({ sizeBytes, tag: TAG });
  device.fill(block, 7, { sizeBytes: Math.min(sizeBytes, 64 * MIB) });
  await device.synchronize();
  process.stdout.write("holding\n");
  for await (const _ of process.stdin);
  block.dispose();
  pool.dispose();
  device.dispose();
  process.stdout.write("gone\n");
}

if (values.hold !== undefined) {
  await holdMemory(Number(values.hold));
  process.exit(0);
}

let driver;
try {
  driver = cuda.loadCudaDriver(paths);
} catch (error) {
  process.stdout.write(`nothing was checked: ${error.message}\n`);
  process.exit(0);
}
const device = cuda.createCudaDevice({ driver, ordinal });
const results = [];
const failed = () => results.filter(({ status }) => status === "failed").length;

/** Gives a check a pool and takes it back. */
async function withPool(options, use) {
  const pool = cuda.createCudaMemoryPool({ device, ...options });
  try {
    return await use(pool);
  } finally {
    pool.dispose();
  }
}

async function check(name, run) {
  const startedAt = performance.now();
  let outcome;
  try {
    outcome = { name, status: "passed", ...(await run()) };
  } catch (error) {
    outcome = { name, status: "failed", error: String(error?.stack ?? error) };
  }
  outcome.seconds = (performance.now() - startedAt) / 1000;
  results.push(outcome);
  process.stdout.write(`${outcome.status}  ${name}  ${outcome.seconds.toFixed(1)} s\n`);
  if (outcome.error !== undefined) process.stdout.write(`${outcome.error}\n`);
}

function createHarness(arenaKind, streamCount) {
  return {
    create({ limitBytes, arenaBytes }) {
      const pool = cuda.createCudaMemoryPool({
        device,
        arenaKind,
        limitBytes,
        arenaBytes,
        chunkBytes: 2 * MIB,
        events: { emit() {} },
      });
      if (streamCount === 2) {
        for (const stream of [device.createStream(), device.createStream()]) {
          assert.throws(() => pool.allocate({ sizeBytes: 0, tag: TAG, stream }));
          stream.dispose();
        }
      }
      let isDisposed = false;
      return {
        ...pool,
        stats() {
          if (isDisposed) return pool.stats();
          pool.stats();
          pool.reclaim();
          device.defaultStream.synchronizeBlocking();
          pool.reclaim();
          return pool.stats();
        },
        dispose() {
          isDisposed = true;
          pool.dispose();
        },
      };
    },
    write: (block, bytes) => device.copyToDevice(block, bytes),
    read(block) {
      const bytes = new Uint8Array(block.sizeBytes);
      device.copyToHost(bytes, block);
      return bytes;
    },
    touch: (block) => device.fill(block, 1),
  };
}

const arenaKinds = device.hasVirtualMemoryManagement ? ["virtual", "plain"] : ["plain"];
for (const arenaKind of arenaKinds) {
  for (const streamCount of [1, 2]) {
    await check(`conformance, ${arenaKind} arenas, ${streamCount} stream(s)`, () => {
      const cases = allocatorCases(createHarness(arenaKind, streamCount));
      for (const { run } of cases) run();
      return { caseCount: cases.length };
    });
  }
}

for (const arenaKind of arenaKinds) {
  const options = { arenaKind, limitBytes: GIB, retainBytes: GIB / 4 };
  const byte = new Uint8Array(1);
  const soak = (pool) =>
    soakAllocator({
      allocator: pool,
      operationCount: Number(values.operations),
      seed: 1,
      maxBlockBytes: GIB / 32,
      addressOf: (block) => ({ space: pool, start: Number(block.devicePointer) }),
      mark(block, id) {
        device.fill(block, id & 255, { offsetBytes: block.sizeBytes - 1 });
      },
      verify(block, id) {
        device.copyToHost(byte, block, { offsetBytes: block.sizeBytes - 1 });
        assert.equal(byte[0], id & 255, `block ${id} was written over`);
      },
    });
  await check(`soak of ${values.operations} operations, ${arenaKind} arenas`, () => withPool(options, soak));
}

async function writeOnStreams(pool) {
  const streams = Array.from({ length: 4 }, () => device.createStream());
  const live = [];
  let state = 1;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const sample = new Uint8Array(4096);
  let verifiedCount = 0;
  for (let step = 0; step < 20_000; step += 1) {
    const stream = streams[Math.floor(random() * 4)];
    if (live.length > 60 || random() < 0.4) {
      const [entry] = live.splice(Math.floor(random() * live.length), 1);
      if (entry === undefined) continue;
      if (step % 4 === 0) {
        const offsetBytes = Math.floor(random() * (entry.block.sizeBytes - sample.length));
        device.copyToHost(sample, entry.block, { offsetBytes, stream: entry.stream });
        assert.ok(
          sample.every((byte) => byte === entry.value),
          `step ${step}: a live block was written over`,
        );
        verifiedCount += 1;
      }
      entry.block.dispose();
    } else {
      const sizeBytes = 4096 + Math.floor(random() * 8 * MIB);
      const block = pool.allocate({ sizeBytes, tag: TAG, stream });
      const value = step & 255;
      device.fill(block, value, { stream });
      live.push({ block, stream, value });
    }
    if (step % 50 === 0) pool.reclaim();
  }
  for (const { block } of live) block.dispose();
  for (const stream of streams) stream.dispose();
  return { verifiedCount };
}
await check("four streams write and free, and nobody's live block is written over", () =>
  withPool({ limitBytes: GIB }, writeOnStreams),
);

function refusal(action) {
  try {
    action();
  } catch (error) {
    if (error.code === "OUT_OF_MEMORY") return error;
    throw error;
  }
  throw new Error("wanted OUT_OF_MEMORY, found no error");
}

function askTooMuch(pool) {
  const freeBytes = device.freeBytes();
  const beyondLimit = refusal(() => pool.allocate({ sizeBytes: device.totalBytes + MIB, tag: TAG }));
  const most = pool.allocate({ sizeBytes: Math.floor((freeBytes * 0.7) / MIB) * MIB, tag: TAG });
  device.fill(most, 3, { sizeBytes: 4096, offsetBytes: most.sizeBytes - 4096 });
  const beyondCard = refusal(() => pool.allocate({ sizeBytes: most.sizeBytes, tag: TAG }));
  assert.equal(beyondCard.inUseBytes, most.sizeBytes);
  pool.allocate({ sizeBytes: 64 * MIB, tag: TAG }).dispose();
  most.dispose();
  pool.trim();
  assert.equal(pool.stats().arenaBytes, 0);
  return { refusals: [beyondLimit.message, beyondCard.message, String(beyondCard.cause?.message)] };
}
for (const arenaKind of arenaKinds) {
  await check(`an allocation beyond the card's memory, ${arenaKind} arenas`, () =>
    withPool({ arenaKind }, askTooMuch),
  );
}

async function shareCard(pool) {
  const half = Math.floor((device.freeBytes() * 0.5) / MIB) * MIB;
  const holdOptions = ["--hold", String(half), "--ordinal", values.ordinal];
  if (library !== undefined) holdOptions.push("--library", library);
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...holdOptions], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "holding");
  const wanted = Math.floor(half * 1.2);
  const error = refusal(() => pool.allocate({ sizeBytes: wanted, tag: TAG }));
  assert.ok(error.cause !== undefined, "the refusal does not name the driver's");
  pool.allocate({ sizeBytes: Math.floor(half * 0.5), tag: TAG }).dispose();
  pool.trim();
  child.stdin.end();
  assert.equal((await lines.next()).value, "gone");
  await new Promise((resolve) => child.once("exit", resolve));
  pool.allocate({ sizeBytes: wanted, tag: TAG }).dispose();
  return { heldElsewhereBytes: half, refusal: error.message, cause: error.cause.message };
}
await check("two processes share the card", () => withPool({}, shareCard));

await check("the GPUs as the management library tells them", async () => {
  const nvml = library === undefined ? {} : { nvml: paths, cuda: paths };
  const reader = cuda.createGpuReader(nvml);
  const first = await reader.read();
  assert.ok(
    first.gpus.some(({ uuid }) => uuid === device.uuid),
    `no GPU has the driver's ${device.uuid}`,
  );
  const times = [];
  for (let round = 0; round < 20; round += 1) {
    const startedAt = performance.now();
    await reader.read();
    times.push(performance.now() - startedAt);
  }
  await reader.dispose();
  return { survey: first, medianReadMs: times.toSorted((a, b) => a - b)[10] };
});
device.dispose();

const benchmarks = {};
for (const name of ["cuda-call", "cuda-copy", "cuda-pool"]) {
  await check(`benchmark ${name}`, () => {
    const output = join(work, `${name}.json`);
    const options = ["--ordinal", values.ordinal, "--output", output];
    if (library !== undefined) options.push("--stand-in", library);
    if (name === "cuda-pool") options.push("--steps", values.steps);
    const program = join(root, "benchmarks/dist/micro", `${name}.js`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...options], {
      encoding: "utf8",
    });
    process.stdout.write(stdout);
    assert.equal(status, 0, stderr);
    benchmarks[name] = JSON.parse(readFileSync(output, "utf8"));
  });
}

const isStandIn = library !== undefined;
const subject = isStandIn ? "stand-in driver on host memory: not a GPU" : device.name;
const fileName = isStandIn ? "stand-in" : device.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
const output = values.output ?? join(root, "benchmarks/results", `cuda-memory-${fileName}.json`);
mkdirSync(dirname(output), { recursive: true });
const { cudaVersion } = driver;
const { computeCapability, totalBytes, uuid } = device;
const report = { subject, isStandIn, cudaVersion, uuid, computeCapability, totalBytes, results, benchmarks };
writeFileSync(output, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(
  `${results.length - failed()} passed, ${failed()} failed on ${subject}; written to ${output}\n`,
);
process.exitCode = failed() === 0 ? 0 : 1;
