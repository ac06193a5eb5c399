import { assertDevice } from "../../assert-argument.ts";
import { type CudaContext, handleDisposed } from "./cuda-context.ts";
import { cuEventBlockingSync, cuEventDefault, cuEventDisableTiming } from "../driver/cuda-functions.ts";

export interface CudaEventOptions {
  /** Whether the device writes down when it reaches the event, which takes it a little longer. [false] */
  readonly isTimed?: boolean;
  /**
   * Whether a thread that waits for the event sleeps. Otherwise it asks for it again and again, which ends a wait some
   * microseconds earlier, and takes a whole core until then. [false]
   */
  readonly isSleeping?: boolean;
}

/** A CUDA event: a point in the work of a stream. */
export interface CudaEvent extends Disposable {
  readonly deviceId: string;
  /** Opaque. @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly handle: bigint;
  /** Whether the work before the event has run; true when it was never recorded. */
  isComplete(): boolean;
  /** Blocks the calling thread until the event is complete. */
  synchronizeBlocking(): void;
  /**
   * Milliseconds of the device from another event to this one, to about half a microsecond; both are timed and complete.
   * @throws MemoryError `WRONG_DEVICE`; CudaError `CUDA_ERROR` for events that are not timed, not recorded or not complete
   */
  millisecondsSince(earlier: CudaEvent): number;
  /** Destroys the event. Idempotent. */
  dispose(): void;
}

/** Creates an event, by default without timing, the cheapest kind. @throws CudaError `CUDA_ERROR` */
export function createCudaEvent(
  context: CudaContext,
  { isTimed = false, isSleeping = false }: CudaEventOptions = {},
): CudaEvent {
  const { driver, deviceId } = context;
  const { functions } = driver;
  context.makeCurrent();
  const flags = (isTimed ? cuEventDefault : cuEventDisableTiming) | (isSleeping ? cuEventBlockingSync : 0);
  let owned: bigint | undefined = driver.readUint64(
    (out) => functions.cuEventCreate(out, flags),
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
    millisecondsSince(earlier) {
      const end = handleOf();
      assertDevice("an event", earlier, deviceId);
      const start = earlier.handle;
      context.makeCurrent();
      const out = new Float32Array(1);
      driver.check(functions.cuEventElapsedTime(out, start, end), "cuEventElapsedTime");
      return out[0] as number;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
