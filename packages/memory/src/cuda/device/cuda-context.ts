import { MemoryError } from "../../errors.ts";
import type { CudaDriver } from "../driver/cuda-driver.ts";
import { callForeignAsync } from "../driver/foreign-library.ts";

/** The driver and the primary context of a device, shared by its streams, events, pools and pinned buffers. */
export interface CudaContext {
  readonly driver: CudaDriver;
  readonly deviceId: string;
  /** Makes the context current in this thread. @throws MemoryError `CUDA_HANDLE_DISPOSED` after its release */
  makeCurrent(): void;
  /** Makes it current in one thread of libuv's pool, whichever runs the call. @throws as `makeCurrent` */
  makeCurrentInPool(): Promise<void>;
  /** Keeps the context alive beyond its device; the returned function releases it, once. */
  retain(): () => void;
  /** Calls back when a stream is destroyed, after its work is done; returns the unsubscribe function. */
  onStreamDestroyed(listener: (streamId: number) => void): () => void;
  notifyStreamDestroyed(streamId: number): void;
}

/** The error for a device, stream, event, pinned buffer, module or graph that is used after dispose. */
export function handleDisposed(handle: string): MemoryError {
  return new MemoryError("CUDA_HANDLE_DISPOSED", `expected a live ${handle}, got a disposed one`);
}

/** A context with the owner's right to release it. */
export interface OwnedCudaContext extends CudaContext {
  /** Releases the context, at the latest when its last user releases it. Call again to retry after a failure. */
  release(): void;
}

/**
 * Retains a device's primary context.
 * @throws CudaError `CUDA_ERROR`
 */
export function retainCudaContext(driver: CudaDriver, device: number, deviceId: string): OwnedCudaContext {
  const { functions } = driver;
  const primary = driver.readUint64(
    (out) => functions.cuDevicePrimaryCtxRetain(out, device),
    "cuDevicePrimaryCtxRetain",
  );
  const listeners = new Set<(streamId: number) => void>();
  // The device itself is the first user.
  let userCount = 1;
  let isReleased = false;
  let isOwned = true;

  const releaseOne = (): void => {
    userCount -= 1;
    if (userCount > 0) return;
    try {
      driver.check(functions.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease_v2");
      isReleased = true;
    } catch (error) {
      userCount += 1;
      throw error;
    }
  };
  const assertLive = (): void => {
    if (isReleased) throw handleDisposed(`device ${deviceId}`);
  };
  return {
    driver,
    deviceId,
    makeCurrent() {
      assertLive();
      driver.setCurrent(primary);
    },
    async makeCurrentInPool() {
      assertLive();
      driver.check(await callForeignAsync(functions.cuCtxSetCurrent, primary), "cuCtxSetCurrent");
    },
    retain() {
      userCount += 1;
      let isRetained = true;
      return () => {
        if (!isRetained) return;
        releaseOne();
        isRetained = false;
      };
    },
    onStreamDestroyed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    notifyStreamDestroyed(streamId) {
      for (const listener of listeners) listener(streamId);
    },
    release() {
      if (!isOwned) return;
      releaseOne();
      isOwned = false;
    },
  };
}
