import { invalidArgument } from "../../assert-argument.ts";
import { type CudaContext, handleDisposed } from "../device/cuda-context.ts";
import type { CudaDevice } from "../device/cuda-device.ts";
import { createCudaFunction, type CudaFunction } from "./cuda-function.ts";
import { CudaError } from "../driver/cuda-error.ts";
import { cudaSuccess, jitOption } from "../driver/cuda-functions.ts";
import { decodeText } from "../driver/decode.ts";
import { addressOfBuffer } from "../driver/foreign-library.ts";
import type { KernelEntry, KernelManifest, KernelName } from "./kernel-manifest.ts";

/** Kernels on a device, compiled by the driver from PTX. */
export interface CudaModule<Manifest extends KernelManifest = KernelManifest> extends Disposable {
  readonly manifest: Manifest;
  readonly deviceId: string;
  readonly isDisposed: boolean;
  /**
   * Returns a kernel by its name, loaded; the same object each time.
   * @throws MemoryError `INVALID_ARGUMENT` for a name that the manifest has not, `CUDA_HANDLE_DISPOSED`;
   * CudaError `CUDA_ERROR` for a kernel that the image has not
   */
  function<Name extends KernelName<Manifest>>(name: Name): CudaFunction<Manifest["entries"][Name]>;
  /** Unloads the module, whose kernels must have run. Idempotent. */
  dispose(): void;
}

export interface CudaModuleSource<Manifest extends KernelManifest> {
  /** PTX as text. */
  readonly image: string;
  readonly manifest: Manifest;
}

const logBytes = 16 * 1024;

/** Compiles and loads an image; the error of a failure has the compiler's log. */
function loadImage({ driver }: CudaContext, image: string, name: string): bigint {
  const { functions } = driver;
  const source = Buffer.from(`${image}\0`);
  const log = new Uint8Array(logBytes);
  const options = Int32Array.of(jitOption.errorLogBuffer, jitOption.errorLogBufferSizeBytes);
  const values = BigUint64Array.of(addressOfBuffer(log.buffer), BigInt(logBytes));
  const out = new BigUint64Array(1);
  const status = functions.cuModuleLoadDataEx(out, source, options.length, options, values);
  if (status === cudaSuccess) return out[0] as bigint;
  const cause = driver.errorOf(status, "cuModuleLoadDataEx");
  const reason = decodeText(log).trim();
  if (reason === "") throw cause;
  const { call, statusName } = cause;
  const text = `module ${name} does not compile: ${reason}`;
  throw new CudaError({ code: "CUDA_ERROR", call, status, statusName, text }, { cause });
}

/**
 * Loads a module on a device. The driver compiles PTX for the device, which takes milliseconds; it caches the result.
 * @throws CudaError `CUDA_ERROR` with the log of the driver's compiler; MemoryError `CUDA_HANDLE_DISPOSED`
 */
export function loadCudaModule<const Manifest extends KernelManifest>(
  device: CudaDevice,
  { image, manifest }: CudaModuleSource<Manifest>,
): CudaModule<Manifest> {
  const { context, id } = device;
  const { driver } = context;
  const { functions } = driver;
  context.makeCurrent();
  let owned: bigint | undefined = loadImage(context, image, manifest.module);
  const releaseContext = context.retain();
  const loaded = new Map<string, CudaFunction>();

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw handleDisposed(`module ${manifest.module} on ${id}`);
  };
  const owner = { device, context, assertLive: () => void handleOf() };
  const load = (name: string): CudaFunction => {
    const entry: KernelEntry | undefined = Object.hasOwn(manifest.entries, name)
      ? manifest.entries[name]
      : undefined;
    if (entry === undefined) {
      const names = Object.keys(manifest.entries).join(", ");
      throw invalidArgument("name", `a kernel of module ${manifest.module} (${names})`, name);
    }
    const module = handleOf();
    context.makeCurrent();
    const handle = driver.readUint64(
      (out) => functions.cuModuleGetFunction(out, module, Buffer.from(`${name}\0`)),
      "cuModuleGetFunction",
    );
    const created = createCudaFunction(owner, handle, { name, entry });
    loaded.set(name, created);
    return created;
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    context.makeCurrent();
    driver.check(functions.cuModuleUnload(owned), "cuModuleUnload");
    owned = undefined;
    loaded.clear();
    releaseContext();
  };
  return {
    manifest,
    deviceId: id,
    get isDisposed() {
      return owned === undefined;
    },
    function: (name) => loaded.get(name) ?? load(name),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
