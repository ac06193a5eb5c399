import { dirname, resolve } from "node:path";

import { ModelError, quoteValue } from "../errors.ts";
import type { FileAccess } from "../files/file-access.ts";
import { downloadAdvice } from "../files/hub-name.ts";
import { missingFileError } from "../files/missing-file-error.ts";
import { createNodeFileAccess } from "../files/node-file-access.ts";
import { describeKind, statFile } from "../files/read-file.ts";
import type { CheckpointFormat, ModelLocation } from "./checkpoint-format.ts";
import { gguf } from "./gguf/gguf.ts";
import { prepared } from "./prepared/prepared.ts";
import { hfDirectory } from "./hf-directory/hf-directory.ts";

/** The formats of this package, in the order in which they are tried. */
export const checkpointFormats: readonly CheckpointFormat[] = [hfDirectory, gguf, prepared];

/** Where models are read from. */
export interface ModelSource {
  /** The file system by default. */
  readonly files?: FileAccess;
  /** The first one that detects a model opens it; `checkpointFormats` by default. */
  readonly formats?: readonly CheckpointFormat[];
}

/** Where a model is, and the format that reads it. */
export interface FoundModel {
  readonly location: ModelLocation;
  readonly format: CheckpointFormat;
}

/**
 * Finds the format of the model at a path.
 *
 * @throws ModelError `INVALID_ARGUMENT`, `MODEL_NOT_FOUND`, `NOT_A_DIRECTORY`, `UNSUPPORTED_FORMAT`, `FILE_MISSING`
 */
export async function findModel(path: unknown, source: ModelSource): Promise<FoundModel> {
  const { files = createNodeFileAccess(), formats = checkpointFormats } = source;
  const location = await locate(path, files);
  for (const format of formats) {
    if (await format.detect(location)) return { location, format };
  }
  throw await unknownFormatError(location, formats);
}

async function locate(given: unknown, files: FileAccess): Promise<ModelLocation> {
  if (typeof given !== "string" || given === "") {
    throw new ModelError("INVALID_ARGUMENT", { expected: "the path of a model", got: quoteValue(given) });
  }
  const path = resolve(given);
  const found = await statFile(files, path);
  if (found !== undefined) return { files, path, kind: found.kind };
  const hasParent = (await statFile(files, dirname(path))) !== undefined;
  const advice = downloadAdvice(hasParent ? path : given, hasParent ? undefined : currentDirectory());
  throw new ModelError("MODEL_NOT_FOUND", { expected: "a model", got: "nothing", advice }, { file: path });
}

/** `undefined` if it was deleted. */
function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** Creates the error about a path that no format detects: names what is there. */
async function unknownFormatError(
  { files, path, kind }: ModelLocation,
  formats: readonly CheckpointFormat[],
): Promise<ModelError> {
  const expected = formats.flatMap(({ description }) => description ?? []).join(" or ");
  if (kind === "directory") return missingFileError(files, path, expected);
  const advice = "name the directory of the model, or a GGUF file";
  return new ModelError("NOT_A_DIRECTORY", { expected, got: describeKind(kind), advice }, { file: path });
}
