import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openFile, readFully, statFile } from "../../files/read-file.ts";
import type { FileAccess } from "../../files/file-access.ts";
import type { ModelLocation } from "../checkpoint-format.ts";
import { readGgufHeader } from "../gguf/read-gguf-header.ts";
import { locateGguf } from "../gguf/locate-gguf.ts";
import { ggufTextFile } from "./prepared.ts";

/** What is read of a Hugging Face directory beside its weights. */
const textFiles = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer.model",
  "added_tokens.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "additional_chat_templates/tool_use.jinja",
  "chat_template.json",
];

/** A model whose format was found. */
interface Source {
  readonly location: ModelLocation;
  readonly format: { readonly name: string };
}

/** Where a header counts its tensors; the copy has none. */
const tensorCountByte = 8;

/** Copies what `readText` needs of a model into a directory: its files, or the header of its GGUF file. */
export async function copyTextFiles({ location, format }: Source, directory: string): Promise<void> {
  const { files, path } = location;
  if (format.name === "gguf") {
    await copyGgufHeader(await locateGguf(location), join(directory, ggufTextFile), files);
    return;
  }
  for (const name of textFiles) {
    const source = join(path, name);
    if ((await statFile(files, source)) === undefined) continue;
    const target = join(directory, name);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
  }
}

async function copyGgufHeader(source: string, target: string, files: FileAccess): Promise<void> {
  const opened = await openFile(files, source);
  try {
    const { metadataEndByte } = await readGgufHeader(opened);
    const header = new Uint8Array(metadataEndByte);
    await readFully(opened, header, 0);
    new DataView(header.buffer).setBigUint64(tensorCountByte, 0n, true);
    await writeFile(target, header);
  } finally {
    await opened.file.close();
  }
}
