import { MemoryError } from "../errors.ts";
import type { CudaContext } from "./cuda-context.ts";
import { createCudaEvent } from "./cuda-event.ts";
import type { CudaEvent } from "./cuda-event.ts";
import { cuStreamNonBlocking, cudaErrorInvalidContext } from "./driver/cuda-functions.ts";
import { callForeignAsync } from "./driver/foreign-library.ts";

/** A queue of device work. Work on one stream runs in order; between streams only events order it. */
export interface CudaStream extends Disposable {
  /** Small integer, unique on its device; 0 is the default stream. */
  readonly id: number;
  readonly deviceId: string;
  /** Opaque. @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly handle: bigint;
  readonly isDisposed: boolean;
  /** Whether everything queued has run. */
  isIdle(): boolean;
  /** Resolves when everything queued so far has run; waits on another thread. */
  synchronize(): Promise<void>;
  /** Blocks the calling thread until everything queued has run. */
  synchronizeBlocking(): void;
  /** Later work on this stream waits for the event; the host does not. */
  waitFor(event: CudaEvent): void;
  /** Queues a mark behind what was queued so far. */
  record(event: CudaEvent): void;
  /** Blocks until everything queued has run, then gives the stream back; again does nothing. */
  dispose(): void;
}

/**
 * Creates a stream that does not wait for the default stream; `id` 0 makes the default stream itself.
 * @throws CudaError `CUDA_ERROR`
 */
export function createCudaStream(context: CudaContext, id: number): CudaStream {
  const { driver, deviceId } = context;
  const { functions } = driver;
  let owned: bigint | undefined = 0n;
  if (id !== 0) {
    context.enter();
    owned = driver.readUint64((out) => functions.cuStreamCreate(out, cuStreamNonBlocking), "cuStreamCreate");
  }
  const letGo = context.hold();
  /** For `synchronize`, used again. */
  const idleEvents: CudaEvent[] = [];

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw new MemoryError("CUDA_HANDLE_DISPOSED", `stream ${id} of ${deviceId} was disposed`);
  };
  const eventHandleOf = (event: CudaEvent): bigint => {
    if (event.deviceId === deviceId) return event.handle;
    throw new MemoryError("WRONG_DEVICE", `the event must be on ${deviceId}, found one on ${event.deviceId}`);
  };
  const synchronizeBlocking = (): void => {
    context.enter();
    driver.check(functions.cuStreamSynchronize(handleOf()), "cuStreamSynchronize");
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    synchronizeBlocking();
    context.streamEnded(id);
    for (let event = idleEvents.at(-1); event !== undefined; event = idleEvents.at(-1)) {
      event.dispose();
      idleEvents.pop();
    }
    if (owned !== 0n) driver.check(functions.cuStreamDestroy_v2(owned), "cuStreamDestroy_v2");
    letGo();
    owned = undefined;
  };
  return {
    id,
    deviceId,
    get handle() {
      return handleOf();
    },
    get isDisposed() {
      return owned === undefined;
    },
    isIdle() {
      context.enter();
      return driver.checkReady(functions.cuStreamQuery(handleOf()), "cuStreamQuery");
    },
    async synchronize() {
      // The default stream is that of the context of the thread that names it; an event is one for all threads.
      const stream = handleOf();
      context.enter();
      const event = idleEvents.pop() ?? createCudaEvent(context);
      try {
        driver.check(functions.cuEventRecord(event.handle, stream), "cuEventRecord");
        const status = await callForeignAsync(functions.cuEventSynchronize, event.handle);
        if (status === cudaErrorInvalidContext) await pollUntilComplete(event);
        else driver.check(status, "cuEventSynchronize");
      } finally {
        idleEvents.push(event);
      }
    },
    synchronizeBlocking,
    waitFor(event) {
      context.enter();
      driver.check(functions.cuStreamWaitEvent(handleOf(), eventHandleOf(event), 0), "cuStreamWaitEvent");
    },
    record(event) {
      context.enter();
      driver.check(functions.cuEventRecord(eventHandleOf(event), handleOf()), "cuEventRecord");
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** For drivers that want the context current in the thread that waits. */
async function pollUntilComplete(event: CudaEvent): Promise<void> {
  while (!event.isComplete()) await new Promise((resolve) => setImmediate(resolve));
}
