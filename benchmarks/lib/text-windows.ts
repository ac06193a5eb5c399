import { readFile } from "node:fs/promises";
import type { Tokenizer } from "@infernode/models";

/**
 * Cuts a text into windows of at most `windowTokens` tokens. A `.jsonl` file has a document in the `text` of each
 * line (lines without are skipped); any other file is one document. No window crosses a document, and each document
 * starts with the special tokens of the tokenizer.
 */
export async function readTextWindows(
  path: string,
  tokenizer: Tokenizer,
  limits: { readonly windowTokens: number; readonly maxTokens: number },
): Promise<readonly Int32Array[]> {
  const content = await readFile(path, "utf8");
  const windows: Int32Array[] = [];
  let remaining = limits.maxTokens;
  for (const document of path.endsWith(".jsonl") ? readLines(content) : [content]) {
    const tokenIds = Int32Array.from(tokenizer.encode(document));
    for (let start = 0; start < tokenIds.length; start += limits.windowTokens) {
      const window = tokenIds.subarray(start, start + Math.min(limits.windowTokens, remaining));
      // The first token of a window is not predicted.
      if (window.length > 1) windows.push(window);
      remaining -= window.length;
      if (remaining <= 1) return windows;
    }
  }
  return windows;
}

function readLines(content: string): string[] {
  return content.split("\n").flatMap((line) => {
    if (line === "") return [];
    const { text } = JSON.parse(line) as { readonly text?: unknown };
    return typeof text === "string" ? [text] : [];
  });
}
