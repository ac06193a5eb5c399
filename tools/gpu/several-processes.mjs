// Steps of several processes on one GPU, and of the GPUs that a process sees.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  assertEvery,
  cuda,
  gib,
  loadKernels,
  memory,
  mib,
  openDevice,
  pathsOf,
  refusalOf,
  tag,
  withDevice,
  withPool,
} from "./session.mjs";

const stepsProgram = fileURLToPath(new URL("steps.mjs", import.meta.url));

function optionsOf({ library, ordinal }) {
  return ["--ordinal", ordinal, ...(library === undefined ? [] : ["--library", library])];
}

/** A second process, read line by line. */
function startRole(role, value, options) {
  const child = spawn(
    process.execPath,
    [stepsProgram, "--role", role, "--value", String(value), ...optionsOf(options)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.once("exit", () => child.kill("SIGKILL"));
  return { child, ended, nextLine: async () => (await lines.next()).value };
}

export function shareCard(options) {
  return withDevice(options, (device) =>
    withPool({ device }, async (pool) => {
      const half = Math.floor((device.freeBytes() * 0.5) / mib) * mib;
      const other = startRole("hold", half, options);
      assert.equal(await other.nextLine(), "holding");
      const sizeBytes = Math.floor(half * 1.2);
      const error = refusalOf(() => pool.allocate({ sizeBytes, tag: tag }));
      assert.ok(error.cause !== undefined, "the refusal does not name the driver's");
      pool.allocate({ sizeBytes: Math.floor(half * 0.5), tag: tag }).dispose();
      pool.trim();
      // A killed process frees nothing; the driver frees its memory. The stand-in does not.
      if (!options.isStandIn) other.child.kill("SIGKILL");
      else other.child.stdin.end();
      await other.ended;
      const deadline = performance.now() + 10_000;
      while (device.freeBytes() < sizeBytes && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      pool.allocate({ sizeBytes, tag: tag }).dispose();
      return { heldElsewhereBytes: half, refusal: error.message, cause: error.cause.message };
    }),
  );
}

/** The second process: holds a number of bytes until its input ends. */
function holdMemory(value, options) {
  return withDevice(options, (device) =>
    withPool({ device }, async (pool) => {
      const block = pool.allocate({ sizeBytes: Number(value), tag: tag });
      device.fill(block, 7, { sizeBytes: Math.min(block.sizeBytes, 64 * mib) });
      await device.synchronize();
      process.stdout.write("holding\n");
      for await (const _ of process.stdin);
      block.dispose();
    }),
  );
}

/** Breaks the context with a kernel that writes to an unmapped address, and reports the error of every call. */
async function breakContext(_, options) {
  const device = openDevice(options);
  const kernels = loadKernels(device);
  const pool = cuda.createCudaMemoryPool({ device });
  const block = pool.allocate({ sizeBytes: mib, tag: tag });
  device.fill(block, 1);
  const stream = device.createStream();
  kernels.poke(stream, 4096);
  const told = {};
  const report = async (name, action) => {
    try {
      await action();
      told[name] = "nothing";
    } catch (error) {
      told[name] = `${error.name} ${error.code} ${error.statusName ?? error.message}`;
    }
  };
  await report("synchronize", () => stream.synchronize());
  await report("fill", () => device.fill(block, 2));
  await report("freeBytes", () => device.freeBytes());
  await report("allocate", () => pool.allocate({ sizeBytes: 512 * mib, tag: tag }));
  await report("block.dispose", () => block.dispose());
  await report("pool.dispose", () => pool.dispose());
  await report("stream.dispose", () => stream.dispose());
  await report("device.dispose", () => device.dispose());
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

export async function surviveBrokenContext(options) {
  const other = startRole("break", "", options);
  const told = JSON.parse(await other.nextLine());
  assert.equal(await other.ended, 0, "the process whose context broke did not end by itself");
  for (const name of ["synchronize", "fill", "allocate"]) {
    assert.match(told[name], /^CudaError CUDA_ERROR CUDA_ERROR_/, `${name}: ${told[name]}`);
  }
  // The GPU works in the next process.
  await withDevice(options, (device) =>
    withPool({ device }, (pool) => {
      const block = pool.allocate({ sizeBytes: mib, tag: tag });
      const bytes = new Uint8Array(mib);
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

export async function choose(options) {
  const own = pathsOf(options.library);
  const { driver, gpus, problems } = await cuda.readGpus({ nvml: own, cuda: own });
  const driverVersion = driver?.version;
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
      [stepsProgram, "--role", "list", ...optionsOf(options)],
      { encoding: "utf8", env, timeout: 30_000 },
    );
    assert.equal(status, 0, stderr);
    const real = JSON.parse(stdout);
    const ours = memory.resolveVisibleGpus(gpus, list, driverVersion).gpus.map((gpu) => gpu.uuid);
    if (real.uuids.join() !== ours.join()) {
      wrong.push(`${list}: the driver shows (${real.uuids}), we expect (${ours})`);
    }
    return { list: list ?? null, uuids: real.uuids, reason: real.reason };
  });
  const { visibleDevices, balance } = memory.selectGpus({
    count: 1,
    requiredBytes: gib,
    policy: "most-free",
    devices: gpus,
    env: process.env,
    driverVersion,
  });
  assert.equal(wrong.length, 0, wrong.join("\n"));
  return { seen, visibleDevices, balance };
}

/** Commands of a second process. */
export const roles = { hold: holdMemory, break: breakContext, list: listVisible };
