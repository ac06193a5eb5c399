import { join } from "node:path";

import { listNames, ModelError } from "../../errors.ts";
import { listFiles, statFile } from "../../files/read-file.ts";
import type { ModelLocation } from "../checkpoint-format.ts";

const ending = /\.gguf$/i;
const otherPart = /-(?!00001)\d{5}-of-(\d{5}\.gguf)$/i;
/** What llama.cpp keeps beside a model of text: the projector of its images. */
const projector = /^mmproj/i;

/** Whether a directory has weights in GGUF files, and none in safetensors. */
export async function hasGgufFiles({ files, path }: ModelLocation): Promise<boolean> {
  const names = await listFiles(files, path);
  return names.some((name) => ending.test(name)) && !names.some((name) => name.endsWith(".safetensors"));
}

/**
 * The path of a model's file, or of its first one: the one that was named, or the only one in a directory.
 * @throws ModelError `SEVERAL_MODELS`, `SHARD_MISSING`
 */
export async function locateGguf({ files, path, kind }: ModelLocation): Promise<string> {
  if (kind !== "directory") return path;
  const names = (await listFiles(files, path)).filter((name) => ending.test(name));
  const weights = names.filter((name) => !projector.test(name));
  const models = [...new Set(weights.map((name) => name.replace(otherPart, "-00001-of-$1")))];
  const [name = names[0] ?? "", ...others] = models;
  if (others.length > 0) {
    const mismatch = {
      expected: "one model in the directory",
      got: `${models.length} GGUF files: ${listNames(models, 8)}`,
      advice: `name one of them, such as ${join(path, name)}`,
    };
    throw new ModelError("SEVERAL_MODELS", mismatch, { file: path });
  }
  const file = join(path, name);
  if ((await statFile(files, file)) !== undefined) return file;
  throw new ModelError("SHARD_MISSING", { expected: "the first part of a model", got: "nothing" }, { file });
}
