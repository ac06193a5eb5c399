import { ModelError } from "../errors.ts";
import type { FileAccess } from "../files/file-access.ts";
import { missingFileError } from "../files/missing-file-error.ts";
import { describeKind, openFile, readFully } from "../files/read-file.ts";
import type { CheckpointFormat, ModelLocation } from "./checkpoint-format.ts";

/** Says what is there instead of a model of a known format. */
export async function unknownFormatError(
  { files, path, kind }: ModelLocation,
  formats: readonly CheckpointFormat[],
): Promise<ModelError> {
  const expected = formats.map((format) => format.description).join(" or ");
  if (kind === "directory") return missingFileError(files, path, expected);
  if (kind === "file" && (await isGguf(files, path))) {
    const advice = "use the Hugging Face checkpoint that it was made from";
    return new ModelError("UNSUPPORTED_FORMAT", { expected, got: "a GGUF file", advice }, { file: path });
  }
  const advice = "name the directory of the model";
  return new ModelError("NOT_A_DIRECTORY", { expected, got: describeKind(kind), advice }, { file: path });
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
