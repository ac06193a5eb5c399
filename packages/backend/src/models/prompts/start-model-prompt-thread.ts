import { statSync } from "node:fs";
import { join } from "node:path";
import { startPromptThread, type StartPromptThread } from "./prompt-thread.ts";

/** The loader's own limits are shorter. */
const loadTimeoutMs = 120_000;
/** Memory of a tokenizer's tables for each byte of its file, and memory for prompts. */
const tableBytesPerByte = 16;
const promptMib = 2048;

/** Of the tokenizer in a file that has weights, too; vocabularies of 262,144 tokens take half of it. */
const maxHeaderBytes = 32 * 2 ** 20;

function memoryMibFor(model: string): number {
  const found = statSync(model, { throwIfNoEntry: false });
  const sizeBytes =
    found?.isFile() === true
      ? Math.min(found.size, maxHeaderBytes)
      : (statSync(join(model, "tokenizer.json"), { throwIfNoEntry: false })?.size ?? 0);
  return promptMib + Math.ceil((sizeBytes * tableBytesPerByte) / 2 ** 20);
}

/** Starts a thread for the prompts of the model in a directory. */
export const startModelPromptThread: StartPromptThread = (source) =>
  startPromptThread({
    source,
    entry: new URL("./prompt-worker.js", import.meta.url),
    loadTimeoutMs,
    memoryMib: memoryMibFor(source.directory),
  });
