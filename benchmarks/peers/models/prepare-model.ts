import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { quantizeGguf } from "./llama-quantizer.ts";
import type { Shape } from "./shapes.ts";
import { writeBfloat16Gguf } from "./write-gguf.ts";
import { writeQ4Onnx } from "./write-onnx.ts";
import { writeRandomModel } from "./write-random-model.ts";

/** What an engine loads. */
export type ModelFormat = "safetensors" | "gguf" | "onnx";

/** The files of one shape: made from the same numbers for every peer. */
export interface ModelFiles {
  readonly shape: Shape;
  /** A Hugging Face directory in BF16. */
  readonly directory: string;
  /** The same tensors in Q4_0 as llama.cpp's own tool makes it, the head in more bits: what users download. */
  readonly ggufPath: string;
  /** A directory of transformers.js in 4 bits, the head included; in `level4` the same with products in 8 bits. */
  readonly onnxDirectory: string;
}

/** Of the random numbers: files of another one are not taken. */
const revision = "r2";

/** Writes the files of a shape that are not in the cache yet. */
export async function prepareModelFiles(
  cacheDirectory: string,
  shape: Shape,
  { formats, say }: { readonly formats: ReadonlySet<ModelFormat>; readonly say: (message: string) => void },
): Promise<ModelFiles> {
  const directory = join(cacheDirectory, `${shape.name}.${revision}`);
  const ggufPath = `${directory}-Q4_0.gguf`;
  const onnxDirectory = `${directory}-q4-onnx`;
  await writeOnce(directory, async (target) => {
    say(`writing random weights of ${shape.name} to ${directory}`);
    writeRandomModel(target, shape);
  });
  if (formats.has("gguf")) {
    await writeOnce(ggufPath, async (target) => {
      say(`writing ${ggufPath}`);
      const source = `${target}.bf16`;
      try {
        await writeBfloat16Gguf(source, directory, shape);
        quantizeGguf(source, target);
      } finally {
        rmSync(source, { force: true });
      }
    });
  }
  if (formats.has("onnx")) {
    await writeOnce(onnxDirectory, async (target) => {
      say(`writing ${onnxDirectory}`);
      await writeQ4Onnx(target, directory, shape);
    });
  }
  return { shape, directory, ggufPath, onnxDirectory };
}

/** A killed run leaves nothing that a later one would take. */
async function writeOnce(path: string, write: (target: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  const target = `${path}.partial`;
  rmSync(target, { recursive: true, force: true });
  await write(target);
  renameSync(target, path);
}
