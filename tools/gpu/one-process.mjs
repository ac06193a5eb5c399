// Steps of one process on the GPU.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import {
  assertEvery,
  cuda,
  gib,
  loadKernels,
  mib,
  pathsOf,
  refusalOf,
  tag,
  testing,
  withDevice,
  withPool,
} from "./session.mjs";

export function describeDevice(options) {
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
        chunkBytes: 2 * mib,
        events: { emit() {} },
      });
      if (streamCount === 2) {
        for (const stream of [device.createStream(), device.createStream()]) {
          assert.throws(() => pool.allocate({ sizeBytes: 0, tag: tag, stream }));
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

/** Every case, even after a failed one. */
export function conform(arenaKind, streamCount) {
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

/** Spinning kernels prove that streams run concurrently, and that the pool respects it. */
export function orderStreams(arenaKind) {
  return (options) =>
    withDevice(options, async (device) => {
      const kernels = loadKernels(device);
      const sizeBytes = 64 * mib;
      const bytes = new Uint8Array(sizeBytes);
      const [busy, other] = [device.createStream(), device.createStream()];
      const steps = await withPool({ device, arenaKind, limitBytes: 256 * mib }, async (pool) => {
        for (const stream of [busy, other]) pool.allocate({ sizeBytes: 1, tag: tag, stream }).dispose();
        // The driver's one-time work, such as mapping memory or loading its kernels, may wait for the device.
        const warm = pool.allocate({ sizeBytes: 3 * sizeBytes, tag: tag, stream: other });
        device.fill(warm, 1, { stream: other });
        device.copyToHost(bytes, warm, { stream: other });
        warm.dispose();
        kernels.spin(busy, 1);
        await Promise.all([busy.synchronize(), other.synchronize()]);
        pool.reclaim();
        const allocate = (stream) => pool.allocate({ sizeBytes, tag: tag, stream });

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
        const first = pool.allocate({ sizeBytes, tag: tag, stream: busy });
        kernels.spin(busy, 100);
        device.fill(first, 5, { stream: busy });
        first.dispose();
        const second = pool.allocate({ sizeBytes, tag: tag, stream: other });
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

async function writeAndFree(device, pool) {
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
      const sizeBytes = 4096 + Math.floor(random() * 8 * mib);
      const block = pool.allocate({ sizeBytes, tag: tag, stream });
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

export function soak(arenaKind) {
  return (options) =>
    withDevice(options, (device) => {
      const byte = new Uint8Array(1);
      const poolOptions = { device, arenaKind, limitBytes: gib, retainBytes: gib / 4 };
      return withPool(poolOptions, (pool) =>
        testing.soakAllocator({
          allocator: pool,
          operationCount: Number(options.operations),
          seed: 1,
          maxBlockBytes: gib / 32,
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

/** With a limit above the GPU's memory the driver refuses; with the default limit the pool does. */
export function askTooMuch(arenaKind) {
  return (options) =>
    withDevice(options, async (device) => {
      const freeBytes = device.freeBytes();
      const byPool = await withPool({ device, arenaKind }, (pool) =>
        refusalOf(() => pool.allocate({ sizeBytes: device.totalBytes + mib, tag: tag })),
      );
      assert.equal(byPool.cause, undefined);
      return withPool({ device, arenaKind, limitBytes: 2 * device.totalBytes }, (pool) => {
        const startedAt = performance.now();
        // A context takes some memory, so on a GPU this is less than the total.
        const sizeBytes = freeBytes + 64 * mib;
        const whole = refusalOf(() => pool.allocate({ sizeBytes, tag: tag }));
        const refusalSeconds = (performance.now() - startedAt) / 1000;
        const most = pool.allocate({ sizeBytes: Math.floor((freeBytes * 0.7) / mib) * mib, tag: tag });
        // Both ends, and beyond 4 GiB.
        const sample = new Uint8Array(4096);
        const offsets = [0, 2 ** 32, 2 ** 36, most.sizeBytes - 4096].filter(
          (offsetBytes) => offsetBytes <= most.sizeBytes - 4096,
        );
        for (const [index, offsetBytes] of offsets.entries()) {
          device.fill(most, index + 1, { sizeBytes: 4096, offsetBytes });
        }
        for (const [index, offsetBytes] of offsets.entries()) {
          device.copyToHost(sample, most, { offsetBytes });
          assertEvery(sample, index + 1, `at ${offsetBytes}`);
        }
        const rest = refusalOf(() => pool.allocate({ sizeBytes: most.sizeBytes, tag: tag }));
        assert.equal(rest.inUseBytes, most.sizeBytes);
        const byDriver = sizeBytes <= device.totalBytes ? [whole, rest] : [rest];
        for (const { cause, message } of byDriver) {
          assert.match(String(cause?.message), /CUDA_ERROR_OUT_OF_MEMORY/, message);
        }
        pool.allocate({ sizeBytes: 64 * mib, tag: tag }).dispose();
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

/** Four streams, none of which may overwrite another's block. */
export function writeOnStreams(options) {
  return withDevice(options, (device) =>
    withPool({ device, limitBytes: gib }, (pool) => writeAndFree(device, pool)),
  );
}

export async function survey(options) {
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
