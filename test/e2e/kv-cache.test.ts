import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { meanDistance, rateText } from "./support/rate-text.ts";
import { runCommand } from "./support/run-command.ts";
import type { TestDaemon } from "./support/start-daemon.ts";
import { startForTest } from "./support/start-for-test.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";

const model = "infernode-stories";

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-cache-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function serve(dtype: string, cache: string): ReturnType<typeof startForTest> {
  return startForTest({ args: ["--kv-cache-dtype", dtype, "--cache-dir", cache] });
}

/** Answers to one prompt, which share what is cached of it, are the same at temperature 0, alone and in a batch. */
async function expectSameInBatch({ url }: TestDaemon): Promise<void> {
  const client = createClient(url);
  // No two tokens are nearly as likely in its answer.
  const prompt = "Once upon a time there was a little fox. One day it rained";
  const request = { model, prompt, max_tokens: 40, temperature: 0 };
  const alone = await client.completions.create(request);
  const together = await Promise.all([
    client.completions.create({ ...request, n: 3 }),
    client.completions.create({ ...request, prompt: `${prompt} a lot` }),
  ]);
  const text = alone.choices[0]?.text;
  expect(together[0]?.choices.map((choice) => choice.text)).toEqual([text, text, text]);
}

test("an int8 cache answers as one of float32 does, in less memory, with ranges that are measured once", async () => {
  const cache = join(await scratch(), "new", "cache");
  const texts: string[] = [];
  const ratings: (readonly number[])[] = [];
  const cacheBytes: number[] = [];
  for (const dtype of ["float32", "int8"]) {
    const daemon = await serve(dtype, cache);
    texts.push((await streamCompletion(createClient(daemon.url), { model, maxTokens: 48 }).ended).text);
    ratings.push(await rateText(daemon, model, `Once upon a time${texts[0]}`));
    cacheBytes.push(await daemon.metric("infernode_model_memory_planned_bytes", 'purpose="kv-cache"'));
    expect(await daemon.metric("vllm:cache_config_info", `cache_dtype="${dtype}"`)).toBe(1);
  }
  const [float32 = 0, int8 = 0] = cacheBytes;
  expect(int8 / float32).toBeLessThan(0.33);
  expect(meanDistance(ratings[1] ?? [], ratings[0] ?? [])).toBeLessThan(0.02);

  const [file = ""] = await readdir(cache);
  expect(file).toMatch(/^[\da-f]{32}\.kv-ranges$/);
  const path = join(cache, file);
  const { mtimeMs } = await stat(path);
  const kept = await readFile(path);
  const textOf = async (daemon: TestDaemon): Promise<string> => {
    return (await streamCompletion(createClient(daemon.url), { model, maxTokens: 48 }).ended).text;
  };
  const again = await serve("int8", cache);
  expect(await textOf(again)).toBe(texts[1]);
  expect((await stat(path)).mtimeMs).toBe(mtimeMs);
  await expectSameInBatch(again);

  // A damaged file is measured again, and replaced.
  await writeFile(
    path,
    kept.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
  );
  expect(await textOf(await serve("int8", cache))).toBe(texts[1]);
  expect(await readFile(path)).toEqual(kept);

  const runCache = async (...args: readonly string[]): Promise<string> =>
    (await runCommand(["cache", ...args, "--cache-dir", cache])).stdout;
  const key = file.slice(0, -".kv-ranges".length);
  const size = kept.length;
  expect(JSON.parse(await runCache("ls", "--json"))).toMatchObject([
    { kind: "kv-ranges", key, path, sizeBytes: size },
  ]);
  expect(await runCache("ls")).toContain("ranges for a KV cache of int8");
  expect(await runCache("rm", key.slice(0, 8))).toContain("removed 1");
  expect(await readdir(cache)).toEqual([]);
});

test.each([
  ["that no directory can be made in", "/proc/infernode/weights"],
  ["that is a file", "package.json"],
])("a cache directory %s does not matter", async (_title, cache) => {
  const playOnce = ["play", "--prompt", "Once", "--max-tokens", "8", "--kv-cache-dtype", "int8"];
  const run = await runCommand([...playOnce, "--cache-dir", cache]);
  expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/\w/) });
});

test("more sequences fit into the same memory", async () => {
  const inspect = ["models", "inspect", "embedded", "--json", "--memory-limit", "32MiB"];
  const sequences = [];
  for (const dtype of ["float32", "int8"]) {
    const { stdout } = await runCommand([...inspect, "--kv-cache-dtype", dtype]);
    const { memoryPlan } = JSON.parse(stdout) as { memoryPlan: { maxSequences: number } };
    sequences.push(memoryPlan.maxSequences);
  }
  const [float32 = 0, int8 = 0] = sequences;
  expect(float32).toBeGreaterThan(0);
  expect(int8).toBeGreaterThanOrEqual(2 * float32);
});
