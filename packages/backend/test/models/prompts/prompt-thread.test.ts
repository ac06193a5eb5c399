import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { PromptJob } from "../../../src/models/prompts/prompt-thread.ts";
import { startBuiltThread } from "../../support/create-core-with-built-threads.ts";

const directory = fileURLToPath(new URL("../../../../../test/fixtures/tokenizers/llama3", import.meta.url));

function job(text: string): PromptJob {
  return { kind: "encode", prompt: { kind: "text", text }, contextTokens: 1_000_000_000 };
}

/** Copies the tokenizer with another normalizer; the copy goes after the test. */
async function withNormalizer(
  normalizer: unknown,
): Promise<AsyncDisposable & { readonly directory: string }> {
  const copy = await mkdtemp(join(tmpdir(), "infernode-thread-"));
  await cp(directory, copy, { recursive: true });
  const path = join(copy, "tokenizer.json");
  const json = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...json, normalizer }));
  return { directory: copy, [Symbol.asyncDispose]: () => rm(copy, { recursive: true, force: true }) };
}

test("encodes and describes, and refuses one prompt without an end of the thread", async () => {
  const thread = startBuiltThread(directory);
  await thread.ready;
  expect(await thread.run(job("hello the world"), 60_000)).toMatchObject({ type: "tokens" });
  const tooLong = { ...job("hello ".repeat(1000)), contextTokens: 5 };
  await expect(thread.run(tooLong, 60_000)).rejects.toMatchObject({ code: "CONTEXT_LENGTH_EXCEEDED" });
  const described = await thread.run({ ...job("hello"), kind: "describe" }, 60_000);
  expect(described).toMatchObject({
    type: "description",
    description: { text: expect.stringContaining("hello") },
  });
  expect(thread.hasEnded).toBe(false);
  await thread.end();
  expect(thread.hasEnded).toBe(true);
});

test("is ended within a pattern that runs out of hand", async () => {
  await using model = await withNormalizer({ type: "Replace", pattern: { Regex: "(a+)+$" }, content: "x" });
  const thread = startBuiltThread(model.directory);
  await thread.ready;
  await expect(thread.run(job(`${"a".repeat(60)}!`), 300)).rejects.toMatchObject({
    code: "PROMPT_TIMEOUT",
    data: { timeoutMs: 300 },
  });
  expect(thread.hasEnded).toBe(true);
});

test("is ended when it needs more memory than it may have, and this process lives", async () => {
  const thread = startBuiltThread(directory, 48);
  await thread.ready;
  await expect(thread.run(job("\u6F22\u5B57".repeat(500_000)), 600_000)).rejects.toMatchObject({
    code: "PROMPT_MEMORY_EXCEEDED",
    data: { memoryMib: 48 },
  });
  expect(thread.hasEnded).toBe(true);
});

test("says why it cannot load", async () => {
  const thread = startBuiltThread(join(directory, "nowhere"));
  await expect(thread.ready).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  expect(thread.hasEnded).toBe(true);
});
