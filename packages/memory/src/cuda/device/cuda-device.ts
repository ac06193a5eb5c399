import type { Device } from "../../device.ts";
import { assertDevice, invalidArgument } from "../../assert-argument.ts";
import { MemoryError } from "../../errors.ts";
import { type CudaDriver, loadCudaDriver } from "../driver/cuda-driver.ts";
import { type CudaDeviceDescription, describeCudaDevice } from "./cuda-device-description.ts";
import type { CudaMemoryBlock } from "./cuda-memory-block.ts";
import { type CudaContext, handleDisposed, retainCudaContext } from "./cuda-context.ts";
import { createCudaEvent, type CudaEvent, type CudaEventOptions } from "./cuda-event.ts";
import { createCudaStream, type CudaStream } from "./cuda-stream.ts";
import { createPinnedMemory, type PinnedBuffer } from "./pinned-buffer.ts";

/** The part of a block, and the stream. */
export interface CudaCopyOptions {
  /** [the default stream] */
  readonly stream?: CudaStream | undefined;
  /** Start in the block. [0] */
  readonly offsetBytes?: number;
}

/** One GPU with its primary context. */
export interface CudaDevice extends Device, CudaDeviceDescription, Disposable {
  readonly kind: "cuda";
  readonly driver: CudaDriver;
  readonly context: CudaContext;
  readonly defaultStream: CudaStream;
  readonly isDisposed: boolean;
  createStream(): CudaStream;
  /** Whether a stream was created by this device object. */
  ownsStream(stream: CudaStream): boolean;
  createEvent(options?: CudaEventOptions): CudaEvent;
  createPinnedBuffer(sizeBytes: number): PinnedBuffer;
  /**
   * Copies from the host. The copy of a pinned source is queued; its content must not change until it has run.
   * A copy from pageable memory has run on return, and so has the earlier work of the stream.
   * @throws MemoryError `INVALID_ARGUMENT`, `WRONG_DEVICE`, `BLOCK_DISPOSED`; CudaError `CUDA_ERROR`
   */
  copyToDevice(target: CudaMemoryBlock, source: Uint8Array, options?: CudaCopyOptions): void;
  /** Copies to the host: queued for a pinned target, done on return for pageable memory. */
  copyToHost(target: Uint8Array, source: CudaMemoryBlock, options?: CudaCopyOptions): void;
  /** Queues a copy from the start of one block to `offsetBytes` of another. */
  copyOnDevice(
    target: CudaMemoryBlock,
    source: CudaMemoryBlock,
    options?: CudaCopyOptions & { readonly sizeBytes?: number },
  ): void;
  /** Queues a fill of `sizeBytes` with one byte value. [to the block's end] */
  fill(
    target: CudaMemoryBlock,
    value: number,
    options?: CudaCopyOptions & { readonly sizeBytes?: number },
  ): void;
  /** Resolves when everything queued on the default stream has run. */
  synchronize(): Promise<void>;
  /**
   * Closes the device. Its context is released after the last stream, event, pool and pinned view of it, in
   * any order. Idempotent.
   */
  dispose(): void;
}

export interface CudaDeviceOptions {
  /** CUDA's device index, within `CUDA_VISIBLE_DEVICES`. [0] */
  readonly ordinal?: number;
  /** [`loadCudaDriver()`] */
  readonly driver?: CudaDriver;
}

/**
 * Opens a GPU: retains its primary context, which other CUDA libraries of the process share.
 * @throws MemoryError `CUDA_UNAVAILABLE`, `INVALID_ARGUMENT` for an ordinal that does not exist; CudaError `CUDA_ERROR`
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

  /** Checks a range of a block; returns its device address. */
  const addressOf = (block: CudaMemoryBlock, offsetBytes: number, sizeBytes: number): bigint => {
    assertDevice("a block", block, id);
    const isInside =
      Number.isSafeInteger(offsetBytes) &&
      Number.isSafeInteger(sizeBytes) &&
      offsetBytes >= 0 &&
      sizeBytes >= 0 &&
      offsetBytes + sizeBytes <= block.sizeBytes;
    if (!isInside) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `expected a range in the block's ${block.sizeBytes} bytes, got ${sizeBytes} bytes at offset ${offsetBytes}`,
      );
    }
    return block.devicePointer + BigInt(offsetBytes);
  };
  const streamHandleOf = (stream: CudaStream | undefined): bigint => {
    if (stream === undefined) return 0n;
    assertDevice("a stream", stream, id);
    return stream.handle;
  };
  const makeCurrent = (): void => {
    if (isDisposed) throw handleDisposed(`device ${id}`);
    context.makeCurrent();
  };
  /** The host may reuse pageable memory, or the collector free it: its copies run before the call returns. */
  const synchronizePageable = (view: Uint8Array, stream: bigint): void => {
    if (!pinned.isPinned(view)) driver.check(functions.cuStreamSynchronize(stream), "cuStreamSynchronize");
  };
  const dispose = (): void => {
    isDisposed = true;
    defaultStream.dispose();
    pinned.retryReleases();
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
      makeCurrent();
      const total = memoryInfo.subarray(1);
      driver.check(functions.cuMemGetInfo_v2(memoryInfo, total), "cuMemGetInfo_v2");
      return Number(memoryInfo[0]);
    },
    createStream() {
      makeCurrent();
      const stream = createCudaStream(context, streamCount + 1);
      streamCount += 1;
      streams.add(stream);
      return stream;
    },
    ownsStream: (stream) => streams.has(stream),
    createEvent(options) {
      makeCurrent();
      return createCudaEvent(context, options);
    },
    createPinnedBuffer(sizeBytes) {
      makeCurrent();
      return pinned.create(sizeBytes);
    },
    copyToDevice(target, source, { stream, offsetBytes = 0 } = {}) {
      const size = source.byteLength;
      const to = addressOf(target, offsetBytes, size);
      const on = streamHandleOf(stream);
      makeCurrent();
      if (size === 0) return;
      driver.check(functions.cuMemcpyHtoDAsync_v2(to, source, size, on), "cuMemcpyHtoDAsync_v2");
      synchronizePageable(source, on);
    },
    copyToHost(target, source, { stream, offsetBytes = 0 } = {}) {
      const size = target.byteLength;
      const from = addressOf(source, offsetBytes, size);
      const on = streamHandleOf(stream);
      makeCurrent();
      if (size === 0) return;
      driver.check(functions.cuMemcpyDtoHAsync_v2(target, from, size, on), "cuMemcpyDtoHAsync_v2");
      synchronizePageable(target, on);
    },
    copyOnDevice(target, source, { stream, offsetBytes = 0, sizeBytes = source.sizeBytes } = {}) {
      const from = addressOf(source, 0, sizeBytes);
      const to = addressOf(target, offsetBytes, sizeBytes);
      const on = streamHandleOf(stream);
      makeCurrent();
      if (sizeBytes === 0) return;
      driver.check(functions.cuMemcpyDtoDAsync_v2(to, from, sizeBytes, on), "cuMemcpyDtoDAsync_v2");
    },
    fill(target, value, { stream, offsetBytes = 0, sizeBytes = target.sizeBytes - offsetBytes } = {}) {
      if (!Number.isInteger(value) || value < 0 || value > 255) {
        throw invalidArgument("value", "an integer from 0 to 255", value);
      }
      const to = addressOf(target, offsetBytes, sizeBytes);
      const on = streamHandleOf(stream);
      makeCurrent();
      if (sizeBytes === 0) return;
      driver.check(functions.cuMemsetD8Async(to, value, sizeBytes, on), "cuMemsetD8Async");
    },
    synchronize: () => defaultStream.synchronize(),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
