import type { Device } from "../device.ts";
import { MemoryError } from "../errors.ts";
import { loadCudaDriver } from "./driver/cuda-driver.ts";
import type { CudaDriver } from "./driver/cuda-driver.ts";
import { type CudaDeviceDescription, describeCudaDevice } from "./cuda-device-description.ts";
import type { CudaMemoryBlock } from "./cuda-memory-block.ts";
import { retainCudaContext } from "./cuda-context.ts";
import type { CudaContext } from "./cuda-context.ts";
import { createCudaEvent } from "./cuda-event.ts";
import type { CudaEvent } from "./cuda-event.ts";
import { createCudaStream } from "./cuda-stream.ts";
import type { CudaStream } from "./cuda-stream.ts";
import { createPinnedMemory } from "./pinned-buffer.ts";
import type { PinnedBuffer } from "./pinned-buffer.ts";

/** Which part of a block, and in which order with other work. */
export interface CudaCopyOptions {
  /** [the default stream] */
  readonly stream?: CudaStream | undefined;
  /** Where in the block to begin. [0] */
  readonly offsetBytes?: number;
}

/** One GPU with its primary context. */
export interface CudaDevice extends Device, CudaDeviceDescription, Disposable {
  readonly id: string;
  readonly kind: "cuda";
  readonly name: string;
  readonly totalBytes: number;
  readonly driver: CudaDriver;
  readonly context: CudaContext;
  readonly defaultStream: CudaStream;
  readonly isDisposed: boolean;
  createStream(): CudaStream;
  /** Whether a stream was created by this device object. */
  ownsStream(stream: CudaStream): boolean;
  createEvent(): CudaEvent;
  createPinnedBuffer(sizeBytes: number): PinnedBuffer;
  /**
   * Copies from the host. A pinned source is queued and must keep its content until the stream got there;
   * from pageable memory the copy has run when this returns, and so has the stream's work before it.
   * @throws MemoryError `INVALID_ARGUMENT`, `WRONG_DEVICE`, `BLOCK_DISPOSED`; CudaError `CUDA_ERROR`
   */
  copyToDevice(target: CudaMemoryBlock, source: Uint8Array, options?: CudaCopyOptions): void;
  /** Copies to the host, likewise: queued into a pinned target, run on return into pageable memory. */
  copyToHost(target: Uint8Array, source: CudaMemoryBlock, options?: CudaCopyOptions): void;
  /** Queues a copy from one block's start to another's `offsetBytes`. */
  copyOnDevice(
    target: CudaMemoryBlock,
    source: CudaMemoryBlock,
    options?: CudaCopyOptions & { readonly sizeBytes?: number },
  ): void;
  /** Queues writing one byte value over `sizeBytes`. [to the block's end] */
  fill(
    target: CudaMemoryBlock,
    value: number,
    options?: CudaCopyOptions & { readonly sizeBytes?: number },
  ): void;
  /** Resolves when everything queued on the default stream has run. */
  synchronize(): Promise<void>;
  /**
   * Closes the device. Its context goes when the last stream, event, pool and pinned view of it has gone,
   * whatever the order. Again does nothing.
   */
  dispose(): void;
}

export interface CudaDeviceOptions {
  /** As CUDA counts, within `CUDA_VISIBLE_DEVICES`. [0] */
  readonly ordinal?: number;
  /** [the machine's, loaded] */
  readonly driver?: CudaDriver;
}

/**
 * Opens a GPU: retains its primary context, which it shares with other CUDA libraries of the process.
 * @throws MemoryError `CUDA_UNAVAILABLE`, `INVALID_ARGUMENT` for an ordinal that is not there; CudaError `CUDA_ERROR`
 */
export function createCudaDevice(options: CudaDeviceOptions = {}): CudaDevice {
  const driver = options.driver ?? loadCudaDriver();
  const ordinal = options.ordinal ?? 0;
  const { handle, ...described } = describeCudaDevice(driver, ordinal);
  const { functions } = driver;
  const { id } = described;
  const context = retainCudaContext(driver, handle, id);
  let isDisposed = false;
  let streamCount = 0;
  const pinned = createPinnedMemory(context);
  const defaultStream = createCudaStream(context, 0);
  const streams = new WeakSet<CudaStream>([defaultStream]);
  const memoryInfo = new BigUint64Array(2);

  /** Checks a range of a block; answers where it begins on the device. */
  const locate = (block: CudaMemoryBlock, offsetBytes: number, sizeBytes: number): bigint => {
    if (block.deviceId !== id) {
      throw new MemoryError("WRONG_DEVICE", `the block must be on ${id}, found one on ${block.deviceId}`);
    }
    const isInside =
      Number.isSafeInteger(offsetBytes) &&
      Number.isSafeInteger(sizeBytes) &&
      offsetBytes >= 0 &&
      sizeBytes >= 0 &&
      offsetBytes + sizeBytes <= block.sizeBytes;
    if (!isInside) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `the range must lie in the block's ${block.sizeBytes} bytes, found ${sizeBytes} bytes from ${offsetBytes}`,
      );
    }
    return block.devicePointer + BigInt(offsetBytes);
  };
  const streamOf = (stream: CudaStream | undefined): bigint => {
    if (stream === undefined) return 0n;
    if (stream.deviceId === id) return stream.handle;
    throw new MemoryError("WRONG_DEVICE", `the stream must be on ${id}, found one on ${stream.deviceId}`);
  };
  const enter = (): void => {
    if (isDisposed) throw new MemoryError("CUDA_HANDLE_DISPOSED", `the device ${id} was disposed`);
    context.enter();
  };
  /** What was queued on memory that the host may reuse, or the collector free, runs before the call returns. */
  const settleHost = (view: Uint8Array, stream: bigint): void => {
    if (!pinned.isPinned(view)) driver.check(functions.cuStreamSynchronize(stream), "cuStreamSynchronize");
  };
  const dispose = (): void => {
    isDisposed = true;
    defaultStream.dispose();
    pinned.settle();
    context.release();
  };

  return {
    ...described,
    driver,
    context,
    defaultStream,
    get isDisposed() {
      return isDisposed;
    },
    freeBytes() {
      enter();
      const total = memoryInfo.subarray(1);
      driver.check(functions.cuMemGetInfo_v2(memoryInfo, total), "cuMemGetInfo_v2");
      return Number(memoryInfo[0]);
    },
    createStream() {
      enter();
      const stream = createCudaStream(context, streamCount + 1);
      streamCount += 1;
      streams.add(stream);
      return stream;
    },
    ownsStream: (stream) => streams.has(stream),
    createEvent() {
      enter();
      return createCudaEvent(context);
    },
    createPinnedBuffer(sizeBytes) {
      enter();
      return pinned.create(sizeBytes);
    },
    copyToDevice(target, source, { stream, offsetBytes = 0 } = {}) {
      const size = source.byteLength;
      const to = locate(target, offsetBytes, size);
      const on = streamOf(stream);
      enter();
      if (size === 0) return;
      driver.check(functions.cuMemcpyHtoDAsync_v2(to, source, size, on), "cuMemcpyHtoDAsync_v2");
      settleHost(source, on);
    },
    copyToHost(target, source, { stream, offsetBytes = 0 } = {}) {
      const size = target.byteLength;
      const from = locate(source, offsetBytes, size);
      const on = streamOf(stream);
      enter();
      if (size === 0) return;
      driver.check(functions.cuMemcpyDtoHAsync_v2(target, from, size, on), "cuMemcpyDtoHAsync_v2");
      settleHost(target, on);
    },
    copyOnDevice(target, source, { stream, offsetBytes = 0, sizeBytes = source.sizeBytes } = {}) {
      const from = locate(source, 0, sizeBytes);
      const to = locate(target, offsetBytes, sizeBytes);
      const on = streamOf(stream);
      enter();
      if (sizeBytes === 0) return;
      driver.check(functions.cuMemcpyDtoDAsync_v2(to, from, sizeBytes, on), "cuMemcpyDtoDAsync_v2");
    },
    fill(target, value, { stream, offsetBytes = 0, sizeBytes = target.sizeBytes - offsetBytes } = {}) {
      if (!Number.isInteger(value) || value < 0 || value > 255) {
        throw new MemoryError("INVALID_ARGUMENT", `value must be a byte from 0 to 255, found ${value}`);
      }
      const to = locate(target, offsetBytes, sizeBytes);
      const on = streamOf(stream);
      enter();
      if (sizeBytes === 0) return;
      driver.check(functions.cuMemsetD8Async(to, value, sizeBytes, on), "cuMemsetD8Async");
    },
    synchronize: () => defaultStream.synchronize(),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
