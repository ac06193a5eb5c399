import { join, resolve } from "node:path";

import { ModelError, quoteValue } from "../../errors.ts";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { parseShardMap } from "./parse-shard-map.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { openFile, readFully, readTextFile, statFile } from "../../files/read-file.ts";
import type { NamedFile } from "../../files/read-file.ts";
import { readSafetensorsHeader } from "./read-safetensors.ts";
import { missingWeightsError } from "../../files/missing-file-error.ts";
import type { TensorInfo, WeightIndex } from "../weights.ts";

/** What `openWeightIndex` takes beside the directory. */
export interface OpenWeightIndexOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  readonly signal?: AbortSignal;
}

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";
const MAX_INDEX_BYTES = 64 * 2 ** 20;

/**
 * Opens a checkpoint's safetensors, one file or many with an index, and checks every header. Holds the
 * files open until `close`; holds none of their data.
 *
 * @throws ModelError `FILE_MISSING`, `UNSUPPORTED_FORMAT`, `SHARD_MISSING`, `TENSOR_MISSING`,
 * `TENSOR_DUPLICATED`, `INVALID_WEIGHT_INDEX` and those of `readSafetensorsHeader`
 */
export async function openWeightIndex(
  directory: string,
  options: OpenWeightIndexOptions = {},
): Promise<WeightIndex> {
  const files = options.files ?? createNodeFileAccess();
  const root = resolve(directory);
  const shardMap = await readShardMap(files, root);
  const names = shardMap === undefined ? [SINGLE_FILE] : [...new Set(shardMap.values())].toSorted();
  const shards = new Map<string, NamedFile>();
  try {
    const tensors = new Map<string, TensorInfo>();
    for (const name of names) {
      options.signal?.throwIfAborted();
      const path = join(root, name);
      await assertShardExists(files, path, shardMap !== undefined);
      const shard = await openFile(files, path);
      shards.set(path, shard);
      addTensors(tensors, await readSafetensorsHeader(shard));
    }
    if (shardMap !== undefined) {
      assertMapHolds(shardMap, tensors, root);
    }
    return createWeightIndex(tensors, shards);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

async function readShardMap(
  files: FileAccess,
  root: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const single = await statFile(files, join(root, SINGLE_FILE));
  if (single !== undefined) {
    return undefined;
  }
  const path = join(root, INDEX_FILE);
  const text = await readTextFile(files, path, { maxBytes: MAX_INDEX_BYTES });
  if (text === undefined) {
    throw await missingWeightsError(files, root);
  }
  return parseShardMap(text, path);
}

async function assertShardExists(files: FileAccess, path: string, isShard: boolean): Promise<void> {
  const found = await statFile(files, path);
  if (found?.kind === "file") {
    return;
  }
  const what = found === undefined ? "nothing" : `a ${found.kind}`;
  throw new ModelError(
    isShard ? "SHARD_MISSING" : "FILE_UNREADABLE",
    `${path}: wanted ${isShard ? `this shard, which ${INDEX_FILE} names` : "a file"}; found ${what}`,
    { file: path },
  );
}

function addTensors(tensors: Map<string, TensorInfo>, added: readonly TensorInfo[]): void {
  for (const tensor of added) {
    const other = tensors.get(tensor.name);
    if (other !== undefined) {
      throw new ModelError(
        "TENSOR_DUPLICATED",
        `wanted tensor ${quoteValue(tensor.name)} in one shard, found it in ${other.filePath} and in ${tensor.filePath}`,
        { file: tensor.filePath, tensor: tensor.name },
      );
    }
    tensors.set(tensor.name, tensor);
  }
}

function assertMapHolds(
  shardMap: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, TensorInfo>,
  root: string,
): void {
  for (const [name, shard] of shardMap) {
    const path = join(root, shard);
    const found = tensors.get(name);
    if (found?.filePath !== path) {
      const where = found === undefined ? "in no shard" : `in ${found.filePath}`;
      throw new ModelError(
        "TENSOR_MISSING",
        `${path}: wanted tensor ${quoteValue(name)}, found it ${where}`,
        {
          file: path,
          tensor: name,
        },
      );
    }
  }
}

function createWeightIndex(
  tensors: ReadonlyMap<string, TensorInfo>,
  shards: ReadonlyMap<string, NamedFile>,
): WeightIndex {
  let totalBytes = 0;
  let parameterCount = 0;
  for (const { startByte, endByte, shape } of tensors.values()) {
    totalBytes += endByte - startByte;
    parameterCount += shape.reduce((product, dimension) => product * dimension, 1);
  }
  let closing: Promise<void> | undefined;
  const find = (name: string): readonly [tensor: TensorInfo, shard: NamedFile] => {
    if (closing !== undefined) {
      throw new ModelError("WEIGHTS_CLOSED", `wanted tensor ${quoteValue(name)}, found the weights closed`, {
        tensor: name,
      });
    }
    const tensor = tensors.get(name);
    const shard = tensor === undefined ? undefined : shards.get(tensor.filePath);
    if (tensor === undefined || shard === undefined) {
      throw new ModelError("TENSOR_MISSING", `wanted tensor ${quoteValue(name)}, found none of that name`, {
        tensor: name,
      });
    }
    return [tensor, shard];
  };
  return {
    tensors,
    totalBytes,
    parameterCount,
    async read(name, into): Promise<Uint8Array> {
      const [tensor, shard] = find(name);
      const bytes = destination(tensor, into);
      await readFully(shard, bytes, tensor.startByte);
      return bytes;
    },
    async readRange(name, { startByte, endByte }): Promise<Uint8Array> {
      const [tensor, shard] = find(name);
      const sizeBytes = tensor.endByte - tensor.startByte;
      if (!(startByte >= 0 && startByte <= endByte && endByte <= sizeBytes)) {
        throw new ModelError(
          "INVALID_ARGUMENT",
          `tensor ${quoteValue(name)}: wanted a range within ${sizeBytes} bytes, found ${startByte} to ${endByte}`,
          { tensor: name },
        );
      }
      const bytes = new Uint8Array(endByte - startByte);
      await readFully(shard, bytes, tensor.startByte + startByte);
      return bytes;
    },
    async close(): Promise<void> {
      closing ??= closeAll(shards);
      await closing;
    },
  };
}

function destination(tensor: TensorInfo, into: Uint8Array | undefined): Uint8Array {
  const sizeBytes = tensor.endByte - tensor.startByte;
  if (into === undefined) {
    return new Uint8Array(sizeBytes);
  }
  if (into.byteLength < sizeBytes) {
    throw new ModelError(
      "INVALID_ARGUMENT",
      `tensor ${quoteValue(tensor.name)}: wanted room for ${sizeBytes} bytes, found ${into.byteLength}`,
      { tensor: tensor.name },
    );
  }
  return into.subarray(0, sizeBytes);
}

async function closeAll(shards: ReadonlyMap<string, NamedFile>): Promise<void> {
  await Promise.all([...shards.values()].map(async ({ file }) => file.close()));
}
