import { ModelError } from "../errors.ts";
import type { FileAccess } from "../files/file-access.ts";
import { missingFileError } from "../files/missing-file-error.ts";
import { openFile, readFully } from "../files/read-file.ts";
import type { ModelLocation } from "./checkpoint-format.ts";

/** Says what is there instead of a model of a known format. */
export async function unknownFormatError({ files, path, kind }: ModelLocation): Promise<ModelError> {
  if (kind === "directory") return missingFileError(files, path, "config.json");
  if (kind === "file" && (await isGguf(files, path))) {
    return new ModelError(
      "UNSUPPORTED_FORMAT",
      `${path}: wanted a Hugging Face directory with config.json and model.safetensors; found a GGUF file: ` +
        "use the Hugging Face checkpoint that it was made from",
      { file: path },
    );
  }
  return new ModelError(
    "NOT_A_DIRECTORY",
    `${path}: wanted a directory with config.json and model.safetensors, found a ${kind}; name the directory that holds it`,
    { file: path },
  );
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
