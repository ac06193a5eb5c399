import { type CudaContext, handleDisposed } from "./cuda-context.ts";
import { cuEventDisableTiming } from "./driver/cuda-functions.ts";

/** A CUDA event: a point in the work of a stream. */
export interface CudaEvent extends Disposable {
  readonly deviceId: string;
  /** Opaque. @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly handle: bigint;
  /** Whether the work before the event has run; true when it was never recorded. */
  isComplete(): boolean;
  /** Blocks the calling thread until the event is complete. */
  synchronizeBlocking(): void;
  /** Destroys the event. Idempotent. */
  dispose(): void;
}

/** Creates an event without timing, the cheapest kind. @throws CudaError `CUDA_ERROR` */
export function createCudaEvent(context: CudaContext): CudaEvent {
  const { driver, deviceId } = context;
  const { functions } = driver;
  context.makeCurrent();
  let owned: bigint | undefined = driver.readUint64(
    (out) => functions.cuEventCreate(out, cuEventDisableTiming),
    "cuEventCreate",
  );
  const releaseContext = context.retain();

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw handleDisposed(`event on ${deviceId}`);
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    context.makeCurrent();
    driver.check(functions.cuEventDestroy_v2(owned), "cuEventDestroy_v2");
    owned = undefined;
    releaseContext();
  };
  return {
    deviceId,
    get handle() {
      return handleOf();
    },
    isComplete() {
      const handle = handleOf();
      context.makeCurrent();
      return driver.checkReady(functions.cuEventQuery(handle), "cuEventQuery");
    },
    synchronizeBlocking() {
      const handle = handleOf();
      context.makeCurrent();
      driver.check(functions.cuEventSynchronize(handle), "cuEventSynchronize");
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
