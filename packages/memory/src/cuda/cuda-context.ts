import { MemoryError } from "../errors.ts";
import type { CudaDriver } from "./driver/cuda-driver.ts";

/** What streams, events, pools and pinned buffers share: the device's driver and its primary context. */
export interface CudaContext {
  readonly driver: CudaDriver;
  readonly deviceId: string;
  /** Makes the context the thread's. @throws MemoryError `CUDA_HANDLE_DISPOSED` once it was given back */
  enter(): void;
  /** Keeps the context although its device is disposed; the answer lets it go, once. */
  hold(): () => void;
  /** Calls back when a stream ends, after its work has run; the answer stops that. */
  onStreamEnd(listener: (streamId: number) => void): () => void;
  streamEnded(streamId: number): void;
}

/** A context and the right to give it back. */
export interface OwnedCudaContext extends CudaContext {
  /** Gives the context back now, or when the last holder lets go. Tried again when it failed. */
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
  // The device itself is the first holder.
  let holderCount = 1;
  let isReleased = false;
  let ownerHolds = true;

  const letGo = (): void => {
    holderCount -= 1;
    if (holderCount > 0) return;
    try {
      driver.check(functions.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease_v2");
      isReleased = true;
    } catch (error) {
      holderCount += 1;
      throw error;
    }
  };
  return {
    driver,
    deviceId,
    enter() {
      if (isReleased) throw new MemoryError("CUDA_HANDLE_DISPOSED", `the device ${deviceId} was disposed`);
      driver.setCurrent(primary);
    },
    hold() {
      holderCount += 1;
      let isHolding = true;
      return () => {
        if (!isHolding) return;
        letGo();
        isHolding = false;
      };
    },
    onStreamEnd(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    streamEnded(streamId) {
      for (const listener of listeners) listener(streamId);
    },
    release() {
      if (!ownerHolds) return;
      letGo();
      ownerHolds = false;
    },
  };
}
