import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { calibrationText, type KvRangeSource } from "@infernode/inference";
import type { LanguageModel } from "@infernode/models";
import { defaultCacheDirectory } from "../cache/cache-directory.ts";
import type { EngineCoreOptions } from "./engine-core.ts";
import { listSmallFiles, type SmallFile, writeSmallFile } from "../cache/small-files.ts";

/** Changes with the text, and with how ranges are measured. */
const kvRangesVersion = 1;
/** A file takes some ten kilobytes. */
const kind = { ending: ".kv-ranges", maxFiles: 64 };
const digestBytes = 32;

/** Ranges that are kept on disk. */
export type CachedKvRanges = SmallFile & { readonly kind: "kv-ranges" };

interface KvRangeSourceOptions {
  /** As the checkpoint has it. */
  readonly stored: Pick<LanguageModel, "weights" | "config">;
  /** As it is run. */
  readonly model: Pick<LanguageModel, "weights">;
  readonly options: Pick<EngineCoreOptions, "cacheDirectory">;
  readonly encode: (text: string) => Promise<readonly number[]>;
}

/**
 * Keeps the ranges of keys and values in the cache directory, beside the quantized weights. A directory that cannot be
 * read or written is no error: the ranges are measured at each start then.
 */
export function createKvRangeSource({ stored, model, options, encode }: KvRangeSourceOptions): KvRangeSource {
  const directory = options.cacheDirectory ?? defaultCacheDirectory(process.env);
  const key = (): Promise<string> => keyOf(stored, model);
  return {
    tokenIds: () => encode(calibrationText),
    read: async () => {
      try {
        return decode(await readFile(join(directory, `${await key()}${kind.ending}`)));
      } catch {
        return undefined;
      }
    },
    write: async (ranges) => {
      try {
        await writeSmallFile(directory, { ...kind, key: await key() }, encodeRanges(ranges));
      } catch {
        // See above.
      }
    },
  };
}

/** Names the files of a checkpoint as they are now, and those that the model is run with. */
async function keyOf(
  { weights, config }: KvRangeSourceOptions["stored"],
  model: KvRangeSourceOptions["model"],
): Promise<string> {
  const files = [];
  for (const path of filesOf(weights)) {
    const { size, mtimeMs, ino } = await stat(path);
    files.push({ path, size, mtimeMs, ino });
  }
  const identity = JSON.stringify({ kvRangesVersion, config, files, run: filesOf(model.weights) });
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}

function filesOf(weights: LanguageModel["weights"]): readonly string[] {
  const paths = [...weights.tensors.keys()].map((name) => weights.weight(name)?.data.filePath);
  return [...new Set(paths.filter((path) => path !== undefined))].toSorted();
}

function digestOf(numbers: Uint8Array): Uint8Array {
  return createHash("sha256").update(numbers).digest();
}

/** A digest, and what it is of. */
function encodeRanges(ranges: Float32Array): Uint8Array {
  const numbers = new Uint8Array(ranges.buffer, ranges.byteOffset, ranges.byteLength);
  return Buffer.concat([digestOf(numbers), numbers]);
}

function decode(content: Buffer): Float32Array | undefined {
  const numbers = content.subarray(digestBytes);
  const isWhole = content.length > digestBytes && content.subarray(0, digestBytes).equals(digestOf(numbers));
  return isWhole ? new Float32Array(Uint8Array.from(numbers).buffer) : undefined;
}

/** Lists what is kept in a directory, the most recently written first; nothing where there is no directory. */
export async function listCachedKvRanges(directory: string): Promise<readonly CachedKvRanges[]> {
  const files = await listSmallFiles(directory, kind);
  return files.map((file) => Object.assign({ kind: "kv-ranges" } as const, file));
}
