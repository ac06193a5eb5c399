import { assertDevice } from "../../assert-argument.ts";
import { type CudaContext, handleDisposed } from "./cuda-context.ts";
import { createCudaEvent, type CudaEvent } from "./cuda-event.ts";
import {
  cuStreamNonBlocking,
  cudaErrorContextIsDestroyed,
  cudaErrorInvalidContext,
} from "../driver/cuda-functions.ts";
import { callForeignAsync } from "../driver/foreign-library.ts";

/** A CUDA stream. Work on one stream runs in order; work on different streams is ordered by events only. */
export interface CudaStream extends Disposable {
  /** Unique on its device; 0 is the default stream. */
  readonly id: number;
  readonly deviceId: string;
  /** Opaque. @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly handle: bigint;
  readonly isDisposed: boolean;
  /** Whether everything queued has run. */
  isIdle(): boolean;
  /** Resolves when everything queued so far has run; waits on another thread, which sleeps. */
  synchronize(): Promise<void>;
  /** Blocks the calling thread until everything queued has run. */
  synchronizeBlocking(): void;
  /** Later work on this stream waits for the event; the host does not. */
  waitFor(event: CudaEvent): void;
  /** Records the event behind the work that is queued. */
  record(event: CudaEvent): void;
  /** Blocks until everything queued has run, then destroys the stream. Idempotent. */
  dispose(): void;
}

/**
 * Creates a stream that does not wait for the default stream; `id` 0 is the default stream itself.
 * @throws CudaError `CUDA_ERROR`
 */
export function createCudaStream(context: CudaContext, id: number): CudaStream {
  const { driver, deviceId } = context;
  const { functions } = driver;
  let owned: bigint | undefined = 0n;
  if (id !== 0) {
    context.makeCurrent();
    owned = driver.readUint64((out) => functions.cuStreamCreate(out, cuStreamNonBlocking), "cuStreamCreate");
  }
  const releaseContext = context.retain();
  /** Reused by `synchronize`. */
  const idleEvents: CudaEvent[] = [];

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw handleDisposed(`stream ${id} on ${deviceId}`);
  };
  const eventHandleOf = (event: CudaEvent): bigint => {
    assertDevice("an event", event, deviceId);
    return event.handle;
  };
  const synchronizeBlocking = (): void => {
    context.makeCurrent();
    driver.check(functions.cuStreamSynchronize(handleOf()), "cuStreamSynchronize");
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    synchronizeBlocking();
    context.notifyStreamDestroyed(id);
    for (let event = idleEvents.at(-1); event !== undefined; event = idleEvents.at(-1)) {
      event.dispose();
      idleEvents.pop();
    }
    if (owned !== 0n) driver.check(functions.cuStreamDestroy_v2(owned), "cuStreamDestroy_v2");
    releaseContext();
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
      context.makeCurrent();
      return driver.checkReady(functions.cuStreamQuery(handleOf()), "cuStreamQuery");
    },
    async synchronize() {
      // The default stream depends on the context that is current in the calling thread; an event does not.
      const stream = handleOf();
      context.makeCurrent();
      const event = idleEvents.pop() ?? createCudaEvent(context, { isSleeping: true });
      try {
        driver.check(functions.cuEventRecord(event.handle, stream), "cuEventRecord");
        await waitInPool(context, event);
      } finally {
        idleEvents.push(event);
      }
    },
    synchronizeBlocking,
    waitFor(event) {
      context.makeCurrent();
      driver.check(functions.cuStreamWaitEvent(handleOf(), eventHandleOf(event), 0), "cuStreamWaitEvent");
    },
    record(event) {
      context.makeCurrent();
      driver.check(functions.cuEventRecord(eventHandleOf(event), handleOf()), "cuEventRecord");
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** More than enough for each thread of a large pool to be given the context once. */
const mostPoolAttempts = 512;

/**
 * Waits in a thread of libuv's pool. The documents do not say that a thread without a current context may wait for an event:
 * where the driver refuses it, the threads of the pool are given the context, which they keep. Which thread runs a call is
 * not known, and they may take turns: so the number of calls between two attempts differs.
 */
async function waitInPool(context: CudaContext, event: CudaEvent): Promise<void> {
  const { driver } = context;
  for (let attempt = 0; attempt < mostPoolAttempts; attempt += 1) {
    const status = await callForeignAsync(driver.functions.cuEventSynchronize, event.handle);
    // The thread may also have the context of a device that was closed.
    if (status !== cudaErrorInvalidContext && status !== cudaErrorContextIsDestroyed) {
      return driver.check(status, "cuEventSynchronize");
    }
    for (let call = 0; call <= attempt % 3; call += 1) await context.makeCurrentInPool();
  }
  await pollUntilComplete(event);
}

/** Where no thread of the pool may wait. */
async function pollUntilComplete(event: CudaEvent): Promise<void> {
  while (!event.isComplete()) await new Promise((resolve) => setImmediate(resolve));
}
