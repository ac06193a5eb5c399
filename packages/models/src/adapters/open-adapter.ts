import { join, resolve } from "node:path";
import type { ModelConfig } from "../config/model-config.ts";
import type { FileAccess } from "../files/file-access.ts";
import { missingAdapterError } from "./missing-adapter-error.ts";
import { createNodeFileAccess } from "../files/node-file-access.ts";
import { openFile, readFully, readJsonFile, statFile, type NamedFile } from "../files/read-file.ts";
import { decodeElements } from "../weights/decode-elements.ts";
import { readSafetensorsHeader } from "../weights/safetensors/read-safetensors.ts";
import type { TensorInfo } from "../weights/stored-weight.ts";
import type { AdapterChange, LoraAdapter } from "./adapter.ts";
import { parseAdapterConfig } from "./adapter-config.ts";
import { listAdapterModules, moduleNaming } from "./adapter-modules.ts";
import { findTargets, type TargetTensors } from "./adapter-tensors.ts";

/** Options of `openAdapter`. */
export interface OpenAdapterOptions {
  /** Of the base model. */
  readonly config: ModelConfig;
  /** Adapters of a larger rank are refused. [64] */
  readonly maxRank?: number;
  /** The file system by default. */
  readonly files?: FileAccess;
  readonly signal?: AbortSignal | undefined;
}

const configFile = "adapter_config.json";
const weightsFile = "adapter_model.safetensors";
const maxConfigBytes = 4 * 2 ** 20;

/**
 * Opens a LoRA adapter as `save_pretrained` of `peft` writes it, and checks it against its base model. Reads no numbers.
 * The caller closes it.
 *
 * @throws ModelError `FILE_MISSING`, `UNSUPPORTED_FORMAT`, `UNSUPPORTED_ADAPTER`, `INVALID_CONFIG`, `TENSOR_MISSING`,
 * `TENSOR_DUPLICATED`, `TENSOR_SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, and those of reading files
 */
export async function openAdapter(path: string, options: OpenAdapterOptions): Promise<LoraAdapter> {
  const { config: base, maxRank = 64, files = createNodeFileAccess(), signal } = options;
  signal?.throwIfAborted();
  const directory = resolve(path);
  const configPath = join(directory, configFile);
  const raw = await readJsonFile(files, configPath, { maxBytes: maxConfigBytes });
  if (raw === undefined) throw await missingAdapterError(files, directory, configFile);
  const config = parseAdapterConfig(raw, configPath);
  const weightsPath = join(directory, weightsFile);
  if ((await statFile(files, weightsPath)) === undefined) {
    throw await missingAdapterError(files, directory, weightsFile);
  }
  const opened = await openFile(files, weightsPath);
  try {
    signal?.throwIfAborted();
    const tensors = await readSafetensorsHeader(opened);
    const nameOf = moduleNaming(base);
    const found = findTargets(tensors, { config, modules: listAdapterModules(base), nameOf, maxRank });
    const targets = Array.from(found, ([weightName, { pair }]) => ({ weightName, rank: pair.rank }));
    return {
      directory,
      rank: Math.max(1, ...targets.map(({ rank }) => rank)),
      targets,
      read: async ({ weightName }) => readChange(opened, found.get(weightName)!),
      close: () => opened.file.close(),
    };
  } catch (error) {
    await opened.file.close();
    throw error;
  }
}

async function readChange(opened: NamedFile, { pair, product }: TargetTensors): Promise<AdapterChange> {
  const { rank, scaling } = pair;
  const down = await readNumbers(opened, pair.down);
  const stored = await readNumbers(opened, pair.up);
  const { rows } = product;
  const up = new Float32Array(rank * rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    const start = rows[at]! * rank;
    for (let row = 0; row < rank; row += 1) up[row * rows.length + at] = stored[start + row]! * scaling;
  }
  return { down, up };
}

async function readNumbers(
  opened: NamedFile,
  { startByte, endByte, dtype }: TensorInfo,
): Promise<Float32Array> {
  const bytes = new Uint8Array(endByte - startByte);
  await readFully(opened, bytes, startByte);
  return decodeElements(bytes, dtype);
}
