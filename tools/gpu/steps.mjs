// The steps of the check, each run in a process of its own: one that crashes or hangs takes nobody along.
//   node tools/gpu/steps.mjs --step <name> --result <file.json> [options of check.mjs]
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  assertEvery,
  cuda,
  GIB,
  loadKernels,
  memory,
  MIB,
  openDevice,
  pathsOf,
  refusalOf,
  root,
  TAG,
  testing,
  withPool,
} from "./session.mjs";

const PROGRAM = fileURLToPath(import.meta.url);

/** Runs something with a device that is closed afterwards. */
async function withDevice(options, use) {
  const device = openDevice(options);
  try {
    return await use(device);
  } finally {
    device.dispose();
  }
}

function optionsOf({ library, ordinal }) {
  return ["--ordinal", ordinal, ...(library === undefined ? [] : ["--library", library])];
}

function describeDevice(options) {
  return withDevice(options, async (device) => {
    const { id, name, uuid, pciAddress, totalBytes, computeCapability, multiprocessorCount } = device;
    const { hasVirtualMemoryManagement, hasMemoryPools, driver } = device;
    const { cudaVersion, path } = driver;
    assert.ok(totalBytes > 0 && device.freeBytes() <= totalBytes);
    const facts = { id, name, uuid, pciAddress, totalBytes, computeCapability, multiprocessorCount };
    // 0, or 201 where a driver wants the context current in the thread that waits: then the package polls.
    const event = device.createEvent();
    device.defaultStream.record(event);
    const waitStatus = await new Promise((resolve) => {
      driver.functions.cuEventSynchronize.async(event.handle, (_, status) => resolve(status));
    });
    event.dispose();
    return {
      waitStatus,
      device: { ...facts, hasVirtualMemoryManagement, hasMemoryPools, cudaVersion, driverPath: path },
      freeBytes: device.freeBytes(),
    };
  });
}

function createHarness(device, arenaKind, streamCount) {
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

/** Every case, whatever the ones before it did. */
function conform(arenaKind, streamCount) {
  return (options) =>
    withDevice(options, (device) => {
      const cases = testing.allocatorCases(createHarness(device, arenaKind, streamCount));
      const failures = [];
      for (const { name, run } of cases) {
        try {
          run();
        } catch (error) {
          failures.push(`${name}: ${error.stack}`);
        }
      }
      assert.equal(failures.length, 0, failures.join("\n"));
      return { caseCount: cases.length };
    });
}

/** Kernels that spin prove that streams really run apart, and that the pool knows it. */
function orderStreams(arenaKind) {
  return (options) =>
    withDevice(options, async (device) => {
      const kernels = loadKernels(device);
      const sizeBytes = 64 * MIB;
      const bytes = new Uint8Array(sizeBytes);
      const [busy, other] = [device.createStream(), device.createStream()];
      const steps = await withPool({ device, arenaKind, limitBytes: 256 * MIB }, async (pool) => {
        for (const stream of [busy, other]) pool.allocate({ sizeBytes: 1, tag: TAG, stream }).dispose();
        // What the driver does once, such as mapping memory or loading its own kernels, may wait for the device.
        const warm = pool.allocate({ sizeBytes: 3 * sizeBytes, tag: TAG, stream: other });
        device.fill(warm, 1, { stream: other });
        device.copyToHost(bytes, warm, { stream: other });
        warm.dispose();
        kernels.spin(busy, 1);
        await Promise.all([busy.synchronize(), other.synchronize()]);
        pool.reclaim();
        const allocate = (stream) => pool.allocate({ sizeBytes, tag: TAG, stream });

        const late = allocate(busy);
        const lateAt = late.devicePointer;
        kernels.spin(busy, 300);
        device.fill(late, 2, { stream: busy });
        late.dispose();
        const apart = allocate(other);
        device.fill(apart, 3, { stream: other });
        await other.synchronize();
        assert.equal(busy.isIdle(), false, "the spinning stream was waited for");
        assert.notEqual(apart.devicePointer, lateAt);

        const same = allocate(busy);
        assert.equal(same.devicePointer, lateAt, "a stream did not get back at once what it had freed");
        device.fill(same, 4, { stream: busy });
        assert.equal(busy.isIdle(), false);
        const startedAt = performance.now();
        await busy.synchronize();
        const waitedMs = performance.now() - startedAt;
        device.copyToHost(bytes, apart, { stream: other });
        assertEvery(bytes, 3, "the block of the other stream");
        device.copyToHost(bytes, same, { stream: busy });
        assertEvery(bytes, 4, "the block that its stream got back");
        same.dispose();
        apart.dispose();
        return { waitedMs };
      });
      // With room for one block only, the other stream's request waits for the work on it.
      await withPool({ device, arenaKind, limitBytes: sizeBytes }, (pool) => {
        const first = pool.allocate({ sizeBytes, tag: TAG, stream: busy });
        kernels.spin(busy, 100);
        device.fill(first, 5, { stream: busy });
        first.dispose();
        const second = pool.allocate({ sizeBytes, tag: TAG, stream: other });
        assert.equal(busy.isIdle(), true, "memory was given on before its stream was done");
        device.fill(second, 6, { stream: other });
        device.copyToHost(bytes, second, { stream: other });
        assertEvery(bytes, 6, "the block that the other stream waited for");
        second.dispose();
      });
      busy.dispose();
      other.dispose();
      kernels.dispose();
      return steps;
    });
}

async function writeOnStreams(device, pool) {
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
        assertEvery(sample, entry.value, `step ${step}, a live block`);
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

function soak(arenaKind) {
  return (options) =>
    withDevice(options, (device) => {
      const byte = new Uint8Array(1);
      const poolOptions = { device, arenaKind, limitBytes: GIB, retainBytes: GIB / 4 };
      return withPool(poolOptions, (pool) =>
        testing.soakAllocator({
          allocator: pool,
          operationCount: Number(options.operations),
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
        }),
      );
    });
}

/** With a limit beyond the card it is the driver that refuses; with the usual one the pool does. */
function askTooMuch(arenaKind) {
  return (options) =>
    withDevice(options, async (device) => {
      const freeBytes = device.freeBytes();
      const byPool = await withPool({ device, arenaKind }, (pool) =>
        refusalOf(() => pool.allocate({ sizeBytes: device.totalBytes + MIB, tag: TAG })),
      );
      assert.equal(byPool.cause, undefined);
      return withPool({ device, arenaKind, limitBytes: 2 * device.totalBytes }, (pool) => {
        const startedAt = performance.now();
        // A context takes some, so that on a card this is less than its total.
        const sizeBytes = freeBytes + 64 * MIB;
        const whole = refusalOf(() => pool.allocate({ sizeBytes, tag: TAG }));
        const refusalSeconds = (performance.now() - startedAt) / 1000;
        const most = pool.allocate({ sizeBytes: Math.floor((freeBytes * 0.7) / MIB) * MIB, tag: TAG });
        // Both ends, and what lies behind 4 GiB.
        const sample = new Uint8Array(4096);
        const offsets = [0, 2 ** 32, 2 ** 36, most.sizeBytes - 4096].filter(
          (offsetBytes) => offsetBytes <= most.sizeBytes - 4096,
        );
        for (const [index, offsetBytes] of offsets.entries())
          device.fill(most, index + 1, { sizeBytes: 4096, offsetBytes });
        for (const [index, offsetBytes] of offsets.entries()) {
          device.copyToHost(sample, most, { offsetBytes });
          assertEvery(sample, index + 1, `at ${offsetBytes}`);
        }
        const rest = refusalOf(() => pool.allocate({ sizeBytes: most.sizeBytes, tag: TAG }));
        assert.equal(rest.inUseBytes, most.sizeBytes);
        const byDriver = sizeBytes <= device.totalBytes ? [whole, rest] : [rest];
        for (const { cause, message } of byDriver)
          assert.match(String(cause?.message), /CUDA_ERROR_OUT_OF_MEMORY/, message);
        pool.allocate({ sizeBytes: 64 * MIB, tag: TAG }).dispose();
        most.dispose();
        pool.trim();
        assert.equal(pool.stats().arenaBytes, 0);
        return {
          heldBytes: most.sizeBytes,
          lostBytes: freeBytes - device.freeBytes(),
          refusalSeconds,
          refusals: [byPool, whole, rest].map(({ message, cause }) => [message, cause?.message ?? null]),
        };
      });
    });
}

/** A process beside this one, asked for its next line. */
function startRole(role, value, options) {
  const child = spawn(
    process.execPath,
    [PROGRAM, "--role", role, "--value", String(value), ...optionsOf(options)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.once("exit", () => child.kill("SIGKILL"));
  return { child, ended, nextLine: async () => (await lines.next()).value };
}

function shareCard(options) {
  return withDevice(options, (device) =>
    withPool({ device }, async (pool) => {
      const half = Math.floor((device.freeBytes() * 0.5) / MIB) * MIB;
      const other = startRole("hold", half, options);
      assert.equal(await other.nextLine(), "holding");
      const wanted = Math.floor(half * 1.2);
      const error = refusalOf(() => pool.allocate({ sizeBytes: wanted, tag: TAG }));
      assert.ok(error.cause !== undefined, "the refusal does not name the driver's");
      pool.allocate({ sizeBytes: Math.floor(half * 0.5), tag: TAG }).dispose();
      pool.trim();
      // One that is killed gives back nothing itself; the driver takes its memory. The stand-in does not.
      if (options.library === undefined) other.child.kill("SIGKILL");
      else other.child.stdin.end();
      await other.ended;
      const deadline = performance.now() + 10_000;
      while (device.freeBytes() < wanted && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 100));
      pool.allocate({ sizeBytes: wanted, tag: TAG }).dispose();
      return { heldElsewhereBytes: half, refusal: error.message, cause: error.cause.message };
    }),
  );
}

/** Holds so many bytes until its input ends; how the second process is played. */
function holdMemory(value, options) {
  return withDevice(options, (device) =>
    withPool({ device }, async (pool) => {
      const block = pool.allocate({ sizeBytes: Number(value), tag: TAG });
      device.fill(block, 7, { sizeBytes: Math.min(block.sizeBytes, 64 * MIB) });
      await device.synchronize();
      process.stdout.write("holding\n");
      for await (const _ of process.stdin);
      block.dispose();
    }),
  );
}

/** Breaks the context with a kernel that writes where nothing is, and tells how every call ends. */
async function breakContext(_, options) {
  const device = openDevice(options);
  const kernels = loadKernels(device);
  const pool = cuda.createCudaMemoryPool({ device });
  const block = pool.allocate({ sizeBytes: MIB, tag: TAG });
  device.fill(block, 1);
  const stream = device.createStream();
  kernels.poke(stream, 4096);
  const told = {};
  const tell = async (name, action) => {
    try {
      await action();
      told[name] = "nothing";
    } catch (error) {
      told[name] = `${error.name} ${error.code} ${error.statusName ?? error.message}`;
    }
  };
  await tell("synchronize", () => stream.synchronize());
  await tell("fill", () => device.fill(block, 2));
  await tell("freeBytes", () => device.freeBytes());
  await tell("allocate", () => pool.allocate({ sizeBytes: 512 * MIB, tag: TAG }));
  await tell("block.dispose", () => block.dispose());
  await tell("pool.dispose", () => pool.dispose());
  await tell("stream.dispose", () => stream.dispose());
  await tell("device.dispose", () => device.dispose());
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

async function surviveBrokenContext(options) {
  const other = startRole("break", "", options);
  const told = JSON.parse(await other.nextLine());
  assert.equal(await other.ended, 0, "the process whose context broke did not end by itself");
  for (const name of ["synchronize", "fill", "allocate"])
    assert.match(told[name], /^CudaError CUDA_ERROR CUDA_ERROR_/, `${name}: ${told[name]}`);
  // The card serves the next one.
  await withDevice(options, (device) =>
    withPool({ device }, (pool) => {
      const block = pool.allocate({ sizeBytes: MIB, tag: TAG });
      const bytes = new Uint8Array(MIB);
      device.fill(block, 9);
      device.copyToHost(bytes, block);
      assertEvery(bytes, 9, "after another process broke its context");
      block.dispose();
    }),
  );
  return { told };
}

function listVisible(_, options) {
  let uuids = [];
  let reason;
  try {
    const driver = cuda.loadCudaDriver(pathsOf(options.library));
    uuids = Array.from({ length: driver.deviceCount }, (_, ordinal) => {
      const device = cuda.createCudaDevice({ driver, ordinal });
      const { uuid } = device;
      device.dispose();
      return uuid;
    });
  } catch (error) {
    if (error.code !== "CUDA_UNAVAILABLE") throw error;
    reason = error.message;
  }
  process.stdout.write(`${JSON.stringify({ uuids, reason })}\n`);
}

async function choose(options) {
  const own = pathsOf(options.library);
  const { gpus, problems } = await cuda.readGpus({ nvml: own, cuda: own });
  assert.ok(gpus.length > 0, `no GPU was read: ${JSON.stringify(problems)}`);
  const [{ uuid }] = gpus;
  const lists = [undefined, "0", uuid, uuid.slice(0, 12), "", "-1", "0,0", "0,99", "99", "none", "0,none"];
  const wrong = [];
  const seen = lists.map((list) => {
    const { CUDA_VISIBLE_DEVICES: _, ...env } = process.env;
    if (list !== undefined) env.CUDA_VISIBLE_DEVICES = list;
    env.CUDA_DEVICE_ORDER = "PCI_BUS_ID";
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [PROGRAM, "--role", "list", ...optionsOf(options)],
      { encoding: "utf8", env, timeout: 30_000 },
    );
    assert.equal(status, 0, stderr);
    const real = JSON.parse(stdout);
    const ours = memory.resolveVisibleGpus(gpus, list).gpus.map((gpu) => gpu.uuid);
    if (real.uuids.join() !== ours.join())
      wrong.push(`${list}: the driver shows (${real.uuids}), we expect (${ours})`);
    return { list: list ?? null, uuids: real.uuids, reason: real.reason };
  });
  const { visibleDevices, balance } = memory.selectGpus({
    count: 1,
    requiredBytes: GIB,
    policy: "most-free",
    devices: gpus,
    env: process.env,
  });
  assert.equal(wrong.length, 0, wrong.join("\n"));
  return { seen, visibleDevices, balance };
}

async function survey(options) {
  const own = pathsOf(options.library);
  const reader = cuda.createGpuReader({ nvml: own, cuda: own });
  const first = await reader.read();
  const times = [];
  for (let round = 0; round < 20; round += 1) {
    const startedAt = performance.now();
    await reader.read();
    times.push(performance.now() - startedAt);
  }
  await reader.dispose();
  const result = {
    survey: first,
    isMigEnabled: first.gpus.map(({ isMigEnabled }) => isMigEnabled ?? null),
    medianReadMs: times.toSorted((a, b) => a - b)[10],
  };
  writeFileSync(options.result, JSON.stringify(result));
  assert.equal(first.driver?.source, "nvml", `NVML was not used: ${first.reason}`);
  assert.deepEqual(first.problems, []);
  await withDevice(options, (device) => {
    const isThere = first.gpus.some(
      ({ uuid, migInstances }) =>
        uuid === device.uuid || migInstances.some((each) => each.uuid === device.uuid),
    );
    assert.ok(isThere, `no GPU has the driver's ${device.uuid}`);
  });
  return result;
}

const atMost = (what, found, wanted) => ({ what, found, wanted: `<= ${wanted}`, isMet: found <= wanted });
const atLeast = (what, found, wanted) => ({ what, found, wanted: `>= ${wanted}`, isMet: found >= wanted });

/** What the numbers of a benchmark are held against. A number that is missed is told and does not fail the step. */
const TARGETS = {
  "cuda-call": () => [],
  "cuda-copy": ({ shareOfBus }) => [
    atLeast("share of the bus, to the device", shareOfBus.toDevice, 0.9),
    atLeast("share of the bus, to the host", shareOfBus.toHost, 0.9),
  ],
  "cuda-pool": ({ pairs, traces }) => [
    ...pairs.flatMap(({ sizeBytes, poolNs, timesFasterThanDriver, timesFasterThanDriverAsync = 0 }) => [
      atMost(`ns for a hit of ${sizeBytes} B`, poolNs, 1000),
      atLeast(`times faster than cuMemAlloc, ${sizeBytes} B`, timesFasterThanDriver, 20),
      atLeast(`times faster than cuMemAllocAsync, ${sizeBytes} B`, timesFasterThanDriverAsync, 3),
    ]),
    ...traces.flatMap(({ arenaKind, streamCount, overhead, fittingFailureCount }) => [
      atMost(`share taken in excess, ${arenaKind}, ${streamCount} stream(s)`, overhead, 0.05),
      atMost(`refusals of what fits, ${arenaKind}, ${streamCount} stream(s)`, fittingFailureCount, 0),
    ]),
  ],
};

function benchmark(name) {
  return (options) => {
    const output = `${options.result}.report`;
    const list = ["--ordinal", options.ordinal, "--output", output];
    if (options.library !== undefined) list.push("--stand-in", options.library);
    if (name === "cuda-pool") list.push("--steps", options.steps);
    const program = join(root, "benchmarks/dist/micro", `${name}.js`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...list], { encoding: "utf8" });
    process.stdout.write(stdout);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(readFileSync(output, "utf8"));
    const targets = TARGETS[name](report);
    for (const { what, found, wanted } of targets.filter(({ isMet }) => !isMet))
      process.stdout.write(`missed: ${what}: ${found}, wanted ${wanted}\n`);
    return { targets, report };
  };
}

const virtualOnly = (run) => (options) => {
  const device = openDevice(options);
  const { hasVirtualMemoryManagement } = device;
  device.dispose();
  if (hasVirtualMemoryManagement) return run(options);
  return { status: "skipped", reason: "the driver has no virtual memory management here" };
};

/** In the order of what is worth most when time runs out. `seconds`: how long one may take. */
export const STEPS = [
  { name: "the device", seconds: 60, run: describeDevice },
  { name: "the GPUs as the management library tells them", seconds: 60, run: survey },
  ...[1, 2].flatMap((streamCount) => [
    {
      name: `conformance, virtual arenas, ${streamCount} stream(s)`,
      seconds: 90,
      run: virtualOnly(conform("virtual", streamCount)),
    },
    {
      name: `conformance, plain arenas, ${streamCount} stream(s)`,
      seconds: 90,
      run: conform("plain", streamCount),
    },
  ]),
  {
    name: "work of streams in order, virtual arenas",
    seconds: 60,
    run: virtualOnly(orderStreams("virtual")),
  },
  { name: "work of streams in order, plain arenas", seconds: 60, run: orderStreams("plain") },
  {
    name: "an allocation beyond the card's memory, virtual arenas",
    seconds: 90,
    run: virtualOnly(askTooMuch("virtual")),
  },
  { name: "an allocation beyond the card's memory, plain arenas", seconds: 90, run: askTooMuch("plain") },
  { name: "two processes share the card", seconds: 90, run: shareCard },
  { name: "CUDA_VISIBLE_DEVICES", seconds: 120, run: choose },
  { name: "a context that a kernel broke", seconds: 60, run: surviveBrokenContext },
  { name: "benchmark cuda-call", seconds: 60, run: benchmark("cuda-call") },
  { name: "benchmark cuda-copy", seconds: 90, run: benchmark("cuda-copy") },
  { name: "benchmark cuda-pool", seconds: 150, run: benchmark("cuda-pool") },
  {
    name: "four streams write and free, and nobody's live block is written over",
    seconds: 90,
    run: (options) =>
      withDevice(options, (device) =>
        withPool({ device, limitBytes: GIB }, (pool) => writeOnStreams(device, pool)),
      ),
  },
  { name: "soak, virtual arenas", seconds: 150, run: virtualOnly(soak("virtual")) },
  { name: "soak, plain arenas", seconds: 150, run: soak("plain") },
];

const ROLES = { hold: holdMemory, break: breakContext, list: listVisible };

async function runStep(step, options) {
  const startedAt = performance.now();
  let outcome;
  try {
    outcome = { status: "passed", ...(await step.run(options)) };
  } catch (error) {
    // What a step wrote before it failed is kept.
    const early = existsSync(options.result) ? JSON.parse(readFileSync(options.result, "utf8")) : {};
    outcome = { ...early, status: "failed", error: String(error?.stack ?? error), code: error?.code };
  }
  const seconds = (performance.now() - startedAt) / 1000;
  writeFileSync(options.result, JSON.stringify({ name: step.name, ...outcome, seconds }));
}

if (process.argv[1] === PROGRAM) {
  const { values } = parseArgs({
    options: {
      step: { type: "string" },
      role: { type: "string" },
      value: { type: "string" },
      result: { type: "string" },
      ordinal: { type: "string", default: "0" },
      library: { type: "string" },
      operations: { type: "string" },
      steps: { type: "string" },
    },
  });
  if (values.role === undefined)
    await runStep(
      STEPS.find(({ name }) => name === values.step),
      values,
    );
  else await ROLES[values.role](values.value, values);
  // A context that is broken, or a thread that waits, must not keep the process.
  process.exit(0);
}
