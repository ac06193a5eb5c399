import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Shape } from "./shapes.ts";
import { writeQ40Gguf } from "./write-gguf.ts";
import { writeQ4Onnx } from "./write-onnx.ts";
import { writeRandomModel } from "./write-random-model.ts";

/** The files of one shape: the same numbers for every peer. */
export interface ModelFiles {
  readonly shape: Shape;
  /** A Hugging Face directory in BF16. */
  readonly directory: string;
  /** The same tensors in Q4_0. */
  readonly ggufPath: string;
  /** A directory of transformers.js, with the numbers of Q4_0. */
  readonly onnxDirectory: string;
}

/** Writes the files of a shape that are not in the cache yet. */
export async function prepareModelFiles(
  cacheDirectory: string,
  shape: Shape,
  { withOnnx, say }: { readonly withOnnx: boolean; readonly say: (message: string) => void },
): Promise<ModelFiles> {
  const onnxDirectory = join(cacheDirectory, `${shape.name}.onnx`);
  const directory = join(cacheDirectory, shape.name);
  const ggufPath = join(cacheDirectory, `${shape.name}.q4_0.gguf`);
  await writeOnce(directory, async (target) => {
    say(`writing random weights of ${shape.name} to ${directory}`);
    writeRandomModel(target, shape);
  });
  await writeOnce(ggufPath, async (target) => {
    say(`writing ${ggufPath}`);
    await writeQ40Gguf(target, directory, shape);
  });
  if (withOnnx) {
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
