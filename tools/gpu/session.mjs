// Shared by the steps of the check: the built packages, the device, and two kernels.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const mib = 2 ** 20;
export const gib = 2 ** 30;
export const tag = { model: "check", purpose: "workspace" };
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

const require = createRequire(join(root, "benchmarks", "package.json"));
export const resolvePackage = (name) => require.resolve(name);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
export const memory = await load("@infernode/memory");
export const cuda = await load("@infernode/memory/cuda");
export const inference = await load("@infernode/inference/cuda");
export const engine = await load("@infernode/inference");
export const models = await load("@infernode/models");
export const testing = await load("@infernode/memory/testing");

/** Options for a library other than the machine's. */
export function pathsOf(library) {
  return library === undefined ? {} : { libraryPaths: [library] };
}

/** Opens the device that the options name. */
export function openDevice({ library, ordinal }) {
  return cuda.createCudaDevice({ driver: cuda.loadCudaDriver(pathsOf(library)), ordinal: Number(ordinal) });
}

/** Calls a function with a device, and closes it afterwards. */
export async function withDevice(options, use) {
  const device = openDevice(options);
  try {
    return await use(device);
  } finally {
    device.dispose();
  }
}

/** Calls a function with a pool, and disposes it afterwards. */
export async function withPool(options, use) {
  const pool = cuda.createCudaMemoryPool(options);
  try {
    return await use(pool);
  } finally {
    pool.dispose();
  }
}

/** The error that an action must throw. */
export function refusalOf(action) {
  try {
    action();
  } catch (error) {
    if (error.code === "OUT_OF_MEMORY") return error;
    throw error;
  }
  throw new Error("expected OUT_OF_MEMORY, got no error");
}

export function assertEvery(bytes, value, what) {
  const at = bytes.findIndex((byte) => byte !== value);
  assert.equal(at, -1, `${what}: byte ${at} is ${bytes[at]}, not ${value}`);
}

/** `spin` runs for so many nanoseconds; `poke` writes a 1 to an address, whatever is there. */
const kernelSource = `.version 7.0
.target sm_70
.address_size 64
.visible .entry spin(.param .u64 nanoseconds)
{
	.reg .pred %p;
	.reg .u64 %rd<4>;
	ld.param.u64 %rd0, [nanoseconds];
	mov.u64 %rd1, %globaltimer;
again:
	mov.u64 %rd2, %globaltimer;
	sub.u64 %rd3, %rd2, %rd1;
	setp.lt.u64 %p, %rd3, %rd0;
	@%p bra again;
	ret;
}
.visible .entry poke(.param .u64 address)
{
	.reg .u32 %r;
	.reg .u64 %rd;
	ld.param.u64 %rd, [address];
	mov.u32 %r, 1;
	st.global.u32 [%rd], %r;
	ret;
}
`;

/** Loads the kernels into the device's context; the driver compiles them. */
export function loadKernels(device) {
  const { driver } = device;
  // Only the check launches kernels, so the package binds nothing for it.
  const koffi = createRequire(require.resolve("@infernode/memory/cuda"))("koffi");
  const library = koffi.load(driver.path);
  const loadData = library.func("int cuModuleLoadData(void *module, const char *image)");
  const getFunction = library.func(
    "int cuModuleGetFunction(void *kernel, uint64_t module, const char *name)",
  );
  const unload = library.func("int cuModuleUnload(uint64_t module)");
  const launchKernel = library.func(
    "int cuLaunchKernel(uint64_t kernel, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t shared, uint64_t stream, void *arguments, void *extra)",
  );
  const out = new BigUint64Array(1);
  device.context.makeCurrent();
  driver.check(loadData(out, kernelSource), "cuModuleLoadData");
  const [module] = out;
  const launch = (name, argument, stream) => {
    device.context.makeCurrent();
    driver.check(getFunction(out, module, name), "cuModuleGetFunction");
    const value = BigUint64Array.of(BigInt(argument));
    const list = BigUint64Array.of(koffi.address(value));
    const status = launchKernel(out[0], 1, 1, 1, 1, 1, 1, 0, stream.handle, list, null);
    // The driver has read the arguments when the call returns; until then they must not be collected.
    assert.equal(value.length, 1);
    driver.check(status, "cuLaunchKernel");
  };
  return {
    /** Keeps a stream busy. */
    spin: (stream, milliseconds) => launch("spin", milliseconds * 1e6, stream),
    /** Breaks the context when nothing is at the address. */
    poke: (stream, address) => launch("poke", address, stream),
    dispose() {
      device.context.makeCurrent();
      driver.check(unload(module), "cuModuleUnload");
    },
  };
}
