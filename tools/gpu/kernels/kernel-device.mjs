// Kernels on a device, memory with random contents, and times of launches.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cuda, mib, openDevice, resolvePackage, tag } from "../session.mjs";
import { randomChunk } from "./numbers.mjs";

const inference = dirname(resolvePackage("@infernode/inference/package.json"));
const manifests = join(inference, "dist/executors/cuda/kernels/manifests");

/** A kernel that does nothing. */
const emptyKernel = {
  module: "empty",
  entries: { empty: { parameters: [], maxThreads: 32, staticSharedBytes: 0, usesDynamicShared: false } },
};

/** Names of the modules that are shipped. */
export const moduleNames = readdirSync(join(inference, "ptx"))
  .filter((name) => name.endsWith(".ptx"))
  .map((name) => name.slice(0, -".ptx".length))
  .toSorted();

/** A module's PTX and manifest. */
export async function readModule(name) {
  if (name === "empty") {
    return { image: readFileSync(new URL("empty.ptx", import.meta.url), "utf8"), manifest: emptyKernel };
  }
  const exported = await import(pathToFileURL(join(manifests, `${name}.js`)).href);
  const [manifest] = Object.values(exported);
  return { image: readFileSync(join(inference, "ptx", `${name}.ptx`), "utf8"), manifest };
}

/** Whether the library has kernels: a driver has, the stand-in driver where they were built for it. */
export function missingKernels({ isStandIn }) {
  if (!isStandIn || process.env.STAND_IN_KERNELS !== undefined) return undefined;
  return { status: "skipped", reason: "the stand-in driver has no kernels here" };
}

/** Opens a device with the kernels of modules; calls `use`, and closes everything. */
export async function withKernels(options, names, use) {
  const device = openDevice(options);
  const limitBytes = Math.floor(device.freeBytes() * 0.9);
  const pool = cuda.createCudaMemoryPool({ device, limitBytes, events: { emit() {} } });
  const modules = [];
  const blocks = new Map();
  const stream = device.createStream();
  const bytesOf = (numbers) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const reserve = (sizeBytes) => {
    const block = pool.allocate({ sizeBytes: Math.max(16, sizeBytes), tag, stream });
    blocks.set(block.devicePointer, block);
    return block.devicePointer;
  };
  try {
    for (const name of names) modules.push(cuda.loadCudaModule(device, await readModule(name)));
    const functionOf = (name) => modules.find(({ manifest }) => name in manifest.entries).function(name);
    // Measurements record launches: too late for the driver to load a kernel.
    for (const { manifest } of modules) for (const name of Object.keys(manifest.entries)) functionOf(name);
    return await use({
      device,
      stream,
      isTiny: options.tiny,
      reserve,
      /** Memory of NaN, as numbers of 16 and 32 bits. */
      poisoned(sizeBytes) {
        const address = reserve(sizeBytes);
        device.fill(blocks.get(address), 0xff, { stream });
        return address;
      },
      put(numbers) {
        const address = reserve(numbers.byteLength);
        device.copyToDevice(blocks.get(address), bytesOf(numbers), { stream });
        return address;
      },
      /** Memory filled with random numbers of a kind; pieces of one random chunk, each begun elsewhere. */
      random(sizeBytes, kind) {
        const address = reserve(sizeBytes);
        const chunk = randomChunk(kind, Math.min(sizeBytes, 64 * mib));
        for (let done = 0; done < sizeBytes;) {
          const begin = done === 0 ? 0 : Math.floor((Math.random() * chunk.length) / 32) * 16;
          const part = chunk.subarray(begin, Math.min(chunk.length, begin + sizeBytes - done));
          device.copyToDevice(blocks.get(address), part, { stream, offsetBytes: done });
          done += part.length;
        }
        return address;
      },
      /** Copies from an offset of a reserved address into an array, and returns the array. */
      get(address, into, offsetBytes = 0) {
        device.copyToHost(bytesOf(into), blocks.get(address), { stream, offsetBytes });
        return into;
      },
      free(...addresses) {
        for (const address of addresses) {
          blocks.get(address).dispose();
          blocks.delete(address);
        }
      },
      launch(name, geometry, ...args) {
        functionOf(name).launch({ ...geometry, stream }, ...args);
      },
      functionOf,
      blockOf: (address) => blocks.get(address),
      /** Microseconds of one of `count` launches, in a graph unless they cannot be: median and spread of rounds. */
      timeMicroseconds(count, launch, { rounds = options.tiny ? 2 : 9, isRecorded = true } = {}) {
        const record = () => {
          for (let index = 0; index < count; index += 1) launch(index);
        };
        const graph = isRecorded ? cuda.captureGraph(device, stream, record) : undefined;
        const times = [];
        try {
          for (let round = 0; round <= rounds; round += 1) {
            const startedAt = performance.now();
            if (graph === undefined) record();
            else graph.launch(stream);
            stream.synchronizeBlocking();
            // The first round warms up.
            if (round > 0) times.push(((performance.now() - startedAt) * 1000) / count);
          }
        } finally {
          stream.synchronizeBlocking();
          graph?.dispose();
        }
        return summarize(times);
      },
    });
  } finally {
    stream.synchronizeBlocking();
    for (const block of blocks.values()) block.dispose();
    for (const module of modules) module.dispose();
    stream.dispose();
    pool.dispose();
    device.dispose();
  }
}

/** Median, and the distance between the quartiles as a share of it. */
export function summarize(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const median = at(0.5);
  return { median, spread: (at(0.75) - at(0.25)) / median };
}

/** Buffers of one size, together several times as large as the cache of the device. */
export function rotationCount({ device, isTiny }, sizeBytes) {
  if (isTiny) return 2;
  const wanted = 4 * Math.max(device.attributes.l2CacheBytes, 32 * mib);
  return Math.max(2, Math.ceil(wanted / sizeBytes));
}
