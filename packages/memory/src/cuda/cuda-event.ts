import { MemoryError } from "../errors.ts";
import type { CudaContext } from "./cuda-context.ts";
import { cuEventDisableTiming } from "./driver/cuda-functions.ts";

/** A mark in the work of a stream. */
export interface CudaEvent extends Disposable {
  readonly deviceId: string;
  /** Opaque. @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly handle: bigint;
  /** Whether the work before the mark has run; true when never recorded. */
  isComplete(): boolean;
  /** Blocks the calling thread until then. */
  synchronizeBlocking(): void;
  /** Gives the event back; again does nothing. */
  dispose(): void;
}

/** Creates an event without timing, the cheapest kind. @throws CudaError `CUDA_ERROR` */
export function createCudaEvent(context: CudaContext): CudaEvent {
  const { driver, deviceId } = context;
  const { functions } = driver;
  context.enter();
  let owned: bigint | undefined = driver.readUint64(
    (out) => functions.cuEventCreate(out, cuEventDisableTiming),
    "cuEventCreate",
  );
  const letGo = context.hold();

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw new MemoryError("CUDA_HANDLE_DISPOSED", `an event of ${deviceId} was disposed`);
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    context.enter();
    driver.check(functions.cuEventDestroy_v2(owned), "cuEventDestroy_v2");
    owned = undefined;
    letGo();
  };
  return {
    deviceId,
    get handle() {
      return handleOf();
    },
    isComplete() {
      const handle = handleOf();
      context.enter();
      return driver.checkReady(functions.cuEventQuery(handle), "cuEventQuery");
    },
    synchronizeBlocking() {
      const handle = handleOf();
      context.enter();
      driver.check(functions.cuEventSynchronize(handle), "cuEventSynchronize");
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
