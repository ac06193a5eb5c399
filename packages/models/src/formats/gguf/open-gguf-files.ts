import { basename, dirname, join } from "node:path";

import { ModelError, quoteValue } from "../../errors.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { openFile, statFile, type NamedFile } from "../../files/read-file.ts";
import { closeFiles } from "../../weights/weight-index.ts";
import type { GgufMetadata } from "./gguf-metadata.ts";
import { readGgufHeader, type GgufTensor } from "./read-gguf-header.ts";

/** A tensor and the file that holds it. */
export interface PlacedTensor extends GgufTensor {
  readonly filePath: string;
}

/** A model in one file or in several, which stay open. */
export interface GgufFiles {
  /** Of the first file. */
  readonly metadata: GgufMetadata;
  /** Of all files, by name. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  /** By path. */
  readonly files: ReadonlyMap<string, NamedFile>;
}

const partPattern = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/;

/**
 * Opens the files of a model: the one at a path, or all parts of a split model whose first part is there.
 *
 * @throws ModelError those of `readGgufHeader`, `SHARD_MISSING`, `TENSOR_DUPLICATED`, `INVALID_GGUF`
 */
export async function openGgufFiles(
  access: FileAccess,
  path: string,
  signal: AbortSignal | undefined,
): Promise<GgufFiles> {
  const files = new Map<string, NamedFile>();
  const tensors = new Map<string, PlacedTensor>();
  const openPart = async (partPath: string): Promise<GgufMetadata> => {
    signal?.throwIfAborted();
    const file = await openFile(access, partPath);
    files.set(partPath, file);
    // Which layers have windows.
    const header = await readGgufHeader(file, (key) => key.endsWith(".sliding_window_pattern"));
    for (const tensor of header.tensors) {
      const other = tensors.get(tensor.name);
      if (other !== undefined) {
        const mismatch = { expected: "a tensor in one file", got: `one in ${other.filePath}, too` };
        throw new ModelError("TENSOR_DUPLICATED", mismatch, { file: partPath, tensor: tensor.name });
      }
      tensors.set(tensor.name, { ...tensor, filePath: partPath });
    }
    return header.metadata;
  };
  const openNext = async (partPath: string, { part, count }: Split): Promise<void> => {
    if ((await statFile(access, partPath))?.kind !== "file") {
      const mismatch = { expected: `part ${part + 1} of ${count}`, got: "nothing" };
      throw new ModelError("SHARD_MISSING", mismatch, { file: partPath });
    }
    const own = readSplit(await openPart(partPath), partPath);
    if (own.part === part && own.count === count) return;
    const mismatch = {
      expected: `part ${part + 1} of ${count}`,
      got: `part ${own.part + 1} of ${own.count}`,
    };
    throw new ModelError("INVALID_GGUF", mismatch, { file: partPath });
  };
  try {
    const metadata = await openPart(path);
    const { part, count, tensorCount } = readSplit(metadata, path);
    assertFirst(path, part);
    for (const [index, partPath] of partPaths(path, count).entries()) {
      if (index > 0) await openNext(partPath, { part: index, count });
    }
    if (tensorCount !== undefined && tensorCount !== tensors.size) {
      const mismatch = { expected: `${tensorCount} tensors in all parts`, got: String(tensors.size) };
      throw new ModelError("INVALID_GGUF", mismatch, { file: path, field: "split.tensors.count" });
    }
    return { metadata, tensors, files };
  } catch (error) {
    await closeFiles(files);
    throw error;
  }
}

/** Which part of a model a file is, counted from 0. */
interface Split {
  readonly part: number;
  readonly count: number;
  /** Of all parts. */
  readonly tensorCount?: number | undefined;
}

function readSplit(metadata: GgufMetadata, path: string): Split {
  const read = (field: string): number | undefined => {
    const value = metadata.get(field);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    const mismatch = { expected: "an integer from 0 on", got: quoteValue(value) };
    throw new ModelError("INVALID_GGUF", mismatch, { file: path, field });
  };
  // A model of one part may say that it has none.
  const count = Math.max(1, read("split.count") ?? 1);
  return { part: read("split.no") ?? 0, count, tensorCount: read("split.tensors.count") };
}

function partPaths(path: string, count: number): readonly string[] {
  if (count === 1) return [path];
  const [, start = "", , written = "", ending = ""] = partPattern.exec(basename(path)) ?? [];
  if (Number(written) !== count) {
    const example = `model-00001-of-${String(count).padStart(5, "0")}.gguf`;
    const mismatch = {
      expected: `a name with the parts of the model, such as ${example}`,
      got: basename(path),
    };
    throw new ModelError("INVALID_GGUF", mismatch, { file: path });
  }
  const name = (index: number): string =>
    `${start}-${String(index + 1).padStart(5, "0")}-of-${written}${ending}`;
  return Array.from({ length: count }, (_, index) => join(dirname(path), name(index)));
}

/** The first part alone has the config and the tokenizer. */
function assertFirst(path: string, part: number): void {
  if (part === 0) return;
  const advice = `name ${basename(path).replace(partPattern, "$1-00001-of-$3$4")}`;
  const mismatch = { expected: "the first part of a split model", got: `part ${part + 1}`, advice };
  throw new ModelError("INVALID_GGUF", mismatch, { file: path });
}
