import { join } from "node:path";

import { listNames, ModelError } from "../errors.ts";
import type { FileAccess } from "./file-access.ts";
import { listFiles } from "./read-file.ts";

interface ForeignFormat {
  readonly pattern: RegExp;
  readonly what: string;
  readonly advice: string;
}

const foreignFormats: readonly ForeignFormat[] = [
  {
    pattern: /\.gguf$/i,
    what: "a GGUF file",
    advice: "name the file itself",
  },
  {
    pattern: /^adapter_(?:model|config)\b/,
    what: "a LoRA adapter",
    advice: "merge it into its base model and save that",
  },
  {
    pattern: /^pytorch_model.*\.bin$|^pytorch_model\.bin\.index\.json$|\.pth$|\.pt$/,
    what: "PyTorch pickle weights",
    advice: "save the model again with save_pretrained(safe_serialization=True)",
  },
  {
    pattern: /^consolidated.*\.safetensors$|^params\.json$/,
    what: "weights in the author's own layout",
    advice: "use the Hugging Face form of this checkpoint",
  },
  {
    pattern: /\.onnx$/i,
    what: "an ONNX model",
    advice: "use the Hugging Face checkpoint that it was exported from",
  },
  {
    pattern: /\.h5$|\.msgpack$/,
    what: "TensorFlow or Flax weights",
    advice: "use the safetensors of this checkpoint",
  },
];

/** Creates the error about a directory without the expected files: names what is there instead. */
export async function missingFileError(
  files: FileAccess,
  directory: string,
  expected: string,
): Promise<ModelError> {
  const names = await listFiles(files, directory);
  const place = { file: directory };
  for (const { pattern, what, advice } of foreignFormats) {
    const name = names.find((candidate) => pattern.test(candidate));
    if (name !== undefined) {
      return new ModelError("UNSUPPORTED_FORMAT", { expected, got: `${what} (${name})`, advice }, place);
    }
  }
  if (names.includes("snapshots") && names.includes("refs")) {
    const snapshots = join(directory, "snapshots");
    const [revision = "<revision>"] = await listFiles(files, snapshots);
    const advice = `name one of its snapshots, such as ${join(snapshots, revision)}`;
    const got = "a repository of the Hugging Face Hub's cache";
    return new ModelError("FILE_MISSING", { expected, got, advice }, place);
  }
  const got = names.length === 0 ? "an empty directory" : listNames(names, 8);
  return new ModelError("FILE_MISSING", { expected, got }, place);
}
