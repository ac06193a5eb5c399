import { join, resolve } from "node:path";

import { ModelError } from "../../errors.ts";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { parseShardMap } from "./parse-shard-map.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { describeKind, openFile, readFully, readTextFile, statFile } from "../../files/read-file.ts";
import type { NamedFile } from "../../files/read-file.ts";
import { readSafetensorsHeader } from "./read-safetensors.ts";
import { missingFileError } from "../../files/missing-file-error.ts";
import { denseWeight, type StoredWeight, type TensorInfo } from "../stored-weight.ts";
import { closeFiles, createWeightIndex } from "../weight-index.ts";
import type { WeightIndex } from "../weight-index.ts";

/** Options of `openWeightIndex`. */
export interface OpenWeightIndexOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  readonly signal?: AbortSignal;
  /** Makes weights of tensors. [a weight of each] */
  readonly assemble?: AssembleWeights | undefined;
}

/** Makes the weights of the network, by name, of all tensors of a checkpoint; reads a tensor where its bytes say how. */
export type AssembleWeights = (
  tensors: ReadonlyMap<string, TensorInfo>,
  read: (tensor: TensorInfo) => Promise<Uint8Array>,
) => Promise<ReadonlyMap<string, StoredWeight>>;

const singleFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";
const maxIndexBytes = 64 * 2 ** 20;

/**
 * Opens a directory's safetensors, one file or many with an index, and checks every header. Keeps the
 * files open until `close`, and none of their data in memory.
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
  const names = shardMap === undefined ? [singleFile] : [...new Set(shardMap.values())].toSorted();
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
    const read = async ({ filePath, startByte, endByte }: TensorInfo): Promise<Uint8Array> => {
      const bytes = new Uint8Array(endByte - startByte);
      await readFully(shards.get(filePath)!, bytes, startByte);
      return bytes;
    };
    const { assemble = assembleDense } = options;
    return createWeightIndex(await assemble(tensors, read), shards);
  } catch (error) {
    await closeFiles(shards);
    throw error;
  }
}

const assembleDense: AssembleWeights = async (tensors) =>
  new Map(Array.from(tensors, ([name, tensor]) => [name, denseWeight(tensor)]));

async function readShardMap(
  files: FileAccess,
  root: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const single = await statFile(files, join(root, singleFile));
  if (single !== undefined) {
    return undefined;
  }
  const path = join(root, indexFile);
  const text = await readTextFile(files, path, { maxBytes: maxIndexBytes });
  if (text === undefined) {
    throw await missingFileError(files, root, `${singleFile} or ${indexFile}`);
  }
  return parseShardMap(text, path);
}

async function assertShardExists(files: FileAccess, path: string, isShard: boolean): Promise<void> {
  const found = await statFile(files, path);
  if (found?.kind === "file") {
    return;
  }
  const mismatch = {
    expected: isShard ? `a shard, as ${indexFile} names it` : "a file",
    got: found === undefined ? "nothing" : describeKind(found.kind),
  };
  throw new ModelError(isShard ? "SHARD_MISSING" : "FILE_UNREADABLE", mismatch, { file: path });
}

function addTensors(tensors: Map<string, TensorInfo>, added: readonly TensorInfo[]): void {
  for (const tensor of added) {
    const other = tensors.get(tensor.name);
    if (other !== undefined) {
      throw new ModelError(
        "TENSOR_DUPLICATED",
        { expected: "a tensor in one shard", got: `one in ${other.filePath}, too` },
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
      throw new ModelError(
        "TENSOR_MISSING",
        {
          expected: `a tensor that ${indexFile} names`,
          got: found ? `it in ${found.filePath}` : "none in any shard",
        },
        { file: path, tensor: name },
      );
    }
  }
}
