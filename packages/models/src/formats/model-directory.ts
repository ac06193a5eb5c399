import { dirname, resolve } from "node:path";

import { ModelError } from "../errors.ts";
import { downloadAdvice } from "../files/hub-id.ts";
import type { FileAccess } from "../files/file-access.ts";
import { openFile, readFully, statFile } from "../files/read-file.ts";

/**
 * Resolves a path to the directory of a checkpoint.
 *
 * @throws ModelError `INVALID_ARGUMENT`, `MODEL_NOT_FOUND`, `NOT_A_DIRECTORY`, `UNSUPPORTED_FORMAT`
 */
export async function resolveModelDirectory(files: FileAccess, directory: unknown): Promise<string> {
  if (typeof directory !== "string" || directory === "") {
    throw new ModelError(
      "INVALID_ARGUMENT",
      `wanted the path of a model directory, found ${JSON.stringify(directory)}`,
    );
  }
  const path = resolve(directory);
  const found = await statFile(files, path);
  if (found === undefined) {
    const hasParent = (await statFile(files, dirname(path))) !== undefined;
    const advice = downloadAdvice(hasParent ? path : directory, hasParent ? undefined : currentDirectory());
    throw new ModelError("MODEL_NOT_FOUND", `wanted a model directory at ${path}, found nothing; ${advice}`, {
      file: path,
    });
  }
  if (found.kind === "directory") {
    return path;
  }
  if (found.kind === "file" && (await isGguf(files, path))) {
    throw new ModelError(
      "UNSUPPORTED_FORMAT",
      `${path}: wanted a Hugging Face directory with config.json and model.safetensors; found a GGUF file: ` +
        "use the Hugging Face checkpoint that it was made from",
      { file: path },
    );
  }
  throw new ModelError(
    "NOT_A_DIRECTORY",
    `${path}: wanted a directory with config.json and model.safetensors, found a ${found.kind}; name the directory that holds it`,
    { file: path },
  );
}

/** `undefined` where it was deleted. */
function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

async function isGguf(files: FileAccess, path: string): Promise<boolean> {
  const opened = await openFile(files, path);
  try {
    const magic = new Uint8Array(4);
    if (opened.file.sizeBytes < magic.length) {
      return false;
    }
    await readFully(opened, magic, 0);
    return new TextDecoder().decode(magic) === "GGUF";
  } finally {
    await opened.file.close();
  }
}
