import { type FileHandle, open } from "node:fs/promises";
import type { CudaDevice, CudaMemoryBlock, CudaStream } from "@infernode/memory/cuda";
import type { TensorInfo } from "@infernode/models";
import { InferenceError, reasonOf } from "../../../errors.ts";
import { decodeNumbers, numberBytes } from "../../weights/decode-numbers.ts";
import type { ProgramWeights } from "../network/program.ts";

const mostStagingBytes = 8 * 2 ** 20;
/** Files are read by so many threads at once. */
const laneCount = 4;
/** One is filled while the other is copied. */
const buffersPerLane = 2;

/** Where weights go. */
export interface UploadTarget {
  readonly device: CudaDevice;
  readonly stream: CudaStream;
  /** Memory by the keys of `ProgramWeights`. */
  readonly blockOf: (key: string) => CudaMemoryBlock;
}

/** A part of a tensor to be copied as it is. */
interface Part {
  readonly tensor: TensorInfo;
  readonly startByte: number;
  readonly endByte: number;
  readonly key: string;
}

/** The parts that are left, shared by all lanes. */
interface PartSource {
  readonly next: Iterator<Part>;
  readonly files: ReadonlyMap<string, FileHandle>;
  /** Of the largest part. */
  readonly bufferBytes: number;
}

/**
 * Copies weights from their files to the device: bytes through pinned memory, so that a part is read while the one before
 * it is copied; what becomes float32 through memory of the process.
 *
 * @throws InferenceError `EXECUTOR_FAILED` for a file that cannot be read
 */
export async function uploadWeights(weights: ProgramWeights, target: UploadTarget): Promise<void> {
  const files = new Map<string, FileHandle>();
  try {
    await openFiles(weights, files);
    const parts = partsOf(weights);
    const { lanes, bufferBytes } = stagingOf(parts);
    const source = { next: parts.values(), files, bufferBytes };
    await Promise.all(Array.from({ length: lanes }, () => uploadParts(source, target)));
    await uploadNumbers(weights, files, target);
    await target.stream.synchronize();
  } finally {
    await Promise.all(Array.from(files.values(), (file) => file.close()));
  }
}

/** Bytes of pinned memory while weights are uploaded. */
export function stagingBytes(weights: ProgramWeights): number {
  const { lanes, bufferBytes } = stagingOf(partsOf(weights));
  return lanes * buffersPerLane * bufferBytes;
}

function stagingOf(parts: readonly Part[]): { readonly lanes: number; readonly bufferBytes: number } {
  return {
    lanes: Math.min(laneCount, Math.ceil(parts.length / buffersPerLane)),
    bufferBytes: parts.reduce((most, { startByte, endByte }) => Math.max(most, endByte - startByte), 0),
  };
}

async function openFiles(
  { tensors, vectors }: ProgramWeights,
  files: Map<string, FileHandle>,
): Promise<void> {
  const all = [
    ...Array.from(tensors.values(), ({ tensor }) => tensor),
    ...[...vectors.values()].flatMap((vector) => vector.tensors),
  ];
  for (const { filePath } of all) {
    if (files.has(filePath)) continue;
    try {
      files.set(filePath, await open(filePath));
    } catch (cause) {
      const message = `the weight file ${filePath} cannot be opened: ${reasonOf(cause)}`;
      throw new InferenceError("EXECUTOR_FAILED", message, { cause });
    }
  }
}

function partsOf({ tensors }: ProgramWeights): readonly Part[] {
  const parts: Part[] = [];
  for (const [key, { tensor, as }] of tensors) {
    if (as === "float32") continue;
    for (let startByte = tensor.startByte; startByte < tensor.endByte; startByte += mostStagingBytes) {
      parts.push({ tensor, key, startByte, endByte: Math.min(tensor.endByte, startByte + mostStagingBytes) });
    }
  }
  return parts;
}

/** Uploads parts until none is left; two buffers take turns. */
async function uploadParts(
  { next, files, bufferBytes }: PartSource,
  { device, stream, blockOf }: UploadTarget,
): Promise<void> {
  const buffers = Array.from({ length: buffersPerLane }, () => ({
    pinned: device.createPinnedBuffer(bufferBytes),
    copied: device.createEvent(),
  }));
  try {
    for (let turn = 0; ; turn += 1) {
      const { value: part, done } = next.next();
      if (done === true) break;
      const { pinned, copied } = buffers[turn % buffersPerLane]!;
      copied.synchronizeBlocking();
      const bytes = pinned.bytes.subarray(0, part.endByte - part.startByte);
      await readRange(files.get(part.tensor.filePath)!, part.tensor, { bytes, startByte: part.startByte });
      const offsetBytes = part.startByte - part.tensor.startByte;
      device.copyToDevice(blockOf(part.key), bytes, { stream, offsetBytes });
      stream.record(copied);
    }
    for (const { copied } of buffers) copied.synchronizeBlocking();
  } finally {
    for (const { pinned, copied } of buffers) {
      pinned.dispose();
      copied.dispose();
    }
  }
}

/** Uploads what is converted. */
async function uploadNumbers(
  { tensors, vectors }: ProgramWeights,
  files: ReadonlyMap<string, FileHandle>,
  { device, stream, blockOf }: UploadTarget,
): Promise<void> {
  const read = async (tensor: TensorInfo): Promise<Float32Array> => {
    const bytes = new Uint8Array(tensor.endByte - tensor.startByte);
    await readRange(files.get(tensor.filePath)!, tensor, { bytes, startByte: tensor.startByte });
    const numbers = new Float32Array(bytes.length / (numberBytes[tensor.dtype] ?? 1));
    decodeNumbers(bytes, tensor.dtype, numbers);
    return numbers;
  };
  const write = (key: string, numbers: Float32Array, offsetBytes: number): void => {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    device.copyToDevice(blockOf(key), bytes, { stream, offsetBytes });
  };
  for (const [key, { tensor, as }] of tensors) if (as === "float32") write(key, await read(tensor), 0);
  for (const [key, vector] of vectors) {
    let offsetBytes = 0;
    for (const tensor of vector.tensors) {
      const numbers = (await read(tensor)).map((each) => each + vector.offset);
      write(key, numbers, offsetBytes);
      offsetBytes += numbers.byteLength;
    }
  }
}

async function readRange(
  file: FileHandle,
  { filePath, name }: TensorInfo,
  { bytes, startByte }: { readonly bytes: Uint8Array; readonly startByte: number },
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await readPart(file, filePath, {
      bytes: bytes.subarray(done),
      startByte: startByte + done,
    });
    if (bytesRead === 0) {
      const message = `the weight file ${filePath} cannot be read: it ends at byte ${startByte + done}, within ${name}`;
      throw new InferenceError("EXECUTOR_FAILED", message);
    }
    done += bytesRead;
  }
}

async function readPart(
  file: FileHandle,
  filePath: string,
  { bytes, startByte }: { readonly bytes: Uint8Array; readonly startByte: number },
): Promise<{ readonly bytesRead: number }> {
  try {
    return await file.read(bytes, 0, bytes.length, startByte);
  } catch (cause) {
    const message = `the weight file ${filePath} cannot be read: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_FAILED", message, { cause });
  }
}
