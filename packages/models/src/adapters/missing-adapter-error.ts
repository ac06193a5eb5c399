import { listNames, ModelError } from "../errors.ts";
import type { FileAccess } from "../files/file-access.ts";
import { describeKind, listFiles, statFile } from "../files/read-file.ts";

/** Creates the error about an adapter without one of its files: says what is there instead. */
export async function missingAdapterError(
  files: FileAccess,
  directory: string,
  expected: string,
): Promise<ModelError> {
  const place = { file: directory };
  const found = await statFile(files, directory);
  if (found?.kind !== "directory") {
    const got = found === undefined ? "nothing" : describeKind(found.kind);
    return new ModelError("FILE_MISSING", { expected: `a directory with ${expected}`, got }, place);
  }
  const names = await listFiles(files, directory);
  if (names.includes("adapter_model.bin")) {
    const advice = "save the adapter again with save_pretrained(safe_serialization=True)";
    const mismatch = { expected, got: "PyTorch pickle weights (adapter_model.bin)", advice };
    return new ModelError("UNSUPPORTED_FORMAT", mismatch, place);
  }
  const gguf = names.find((name) => name.endsWith(".gguf"));
  if (gguf !== undefined) {
    const advice = "use the adapter that it was converted from";
    return new ModelError("UNSUPPORTED_FORMAT", { expected, got: `a GGUF file (${gguf})`, advice }, place);
  }
  const got = names.length === 0 ? "an empty directory" : listNames(names, 8);
  return new ModelError("FILE_MISSING", { expected, got }, place);
}
