import { chmod, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { meanDistance, rateText } from "./support/rate-text.ts";
import { runCommand } from "./support/run-command.ts";
import { startForTest } from "./support/start-for-test.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";

const model = "infernode-stories";

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-cache-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

interface Answer {
  readonly text: string;
  readonly ratings: readonly number[];
  readonly weightsBytes: number;
  readonly logs: readonly string[];
}

/** Starts a daemon, has it answer and rate a text, and says what it planned for the weights. */
async function answer(mode: string, cache: string, rated?: string): Promise<Answer> {
  const daemon = await startForTest({ args: ["--quantize", mode, "--cache-dir", cache] });
  const { text } = await streamCompletion(createClient(daemon.url), { model, maxTokens: 24 }).ended;
  return {
    text,
    ratings: await rateText(daemon, model, `Once upon a time${rated ?? text}`),
    weightsBytes: await daemon.metric("infernode_model_memory_planned_bytes", 'purpose="weights"'),
    logs: daemon.logs.map((line) => JSON.stringify(line)),
  };
}

const saysQuantizing = (logs: readonly string[]): boolean =>
  logs.some((line) => line.includes("quantizing weights"));

test("int8 answers as the stored weights do, in less memory; int4 takes less still; both are quantized once, and again where the file is damaged", async () => {
  const cache = join(await scratch(), "new", "weights");
  const none = await answer("none", cache);
  const int8 = await answer("int8", cache, none.text);
  const int4 = await answer("int4", cache, none.text);
  const distances = [int8, int4].map(({ ratings }) => meanDistance(ratings, none.ratings));
  expect(distances[0]).toBeLessThan(0.03);
  expect(distances[1]).toBeLessThan(0.2);
  expect(int8.weightsBytes).toBeLessThan(none.weightsBytes);
  expect(int4.weightsBytes).toBeLessThan(int8.weightsBytes);
  expect([none, int8, int4].map(({ logs }) => saysQuantizing(logs))).toEqual([false, true, true]);
  const again = await answer("int4", cache);
  expect([again.text, saysQuantizing(again.logs)]).toEqual([int4.text, false]);

  const listed = await runCommand(["cache", "ls", "--json", "--cache-dir", cache]);
  const entries = JSON.parse(listed.stdout) as {
    key: string;
    quantization: string;
    preparedFor: string;
    path: string;
    sizeBytes: number;
  }[];
  expect(entries.map(({ quantization }) => quantization)).toEqual([
    expect.stringMatching(/int8, blocks of 128/),
    "int8, one block a row",
  ]);
  for (const { path, sizeBytes, preparedFor } of entries) {
    expect((await stat(path)).size).toBe(sizeBytes);
    expect(preparedFor).toMatch(/^onnxruntime 1\./);
  }
  const path = entries.find(({ quantization }) => quantization.includes("blocks of 128"))?.path ?? "";
  const file = await open(path, "r+");
  await file.write(new Uint8Array(4096).fill(0x55), 0, 4096, (await file.stat()).size - 4096);
  await file.close();
  const damaged = await answer("int4", cache);
  expect([damaged.text, saysQuantizing(damaged.logs)]).toEqual([int4.text, true]);

  const key = entries.find((entry) => entry.path !== path)?.key ?? "";
  expect((await runCommand(["cache", "rm", key.slice(0, 8), "--cache-dir", cache])).exitCode).toBe(0);
  const left = (await readdir(cache)).filter((name) => name.endsWith(".safetensors"));
  expect(left).toEqual([expect.not.stringContaining(key)]);
});

test("a cache directory that no directory can be made in is a warning, and the model is served", async () => {
  const { text, logs } = await answer("int8", "/proc/infernode/weights");
  expect(text).not.toBe("");
  expect(logs.join("\n")).toContain("quantized weights are not kept");
});

const playOnce = ["play", "--prompt", "Once", "--max-tokens", "1"];

test("a cache directory that is a file is a warning", async () => {
  const run = await runCommand([...playOnce, "--quantize", "int8", "--cache-dir", "package.json"]);
  expect(run.exitCode).toBe(0);
  expect(run.stderr).toContain("quantized weights are not kept");
});

test("a cache directory that may not be written to is a warning", async () => {
  const cache = await scratch();
  await chmod(cache, 0o500);
  const run = await runCommand([...playOnce, "--quantize", "int8", "--cache-dir", cache]);
  expect(run.exitCode).toBe(0);
  // The system lets root write anywhere.
  if (process.getuid?.() !== 0) expect(run.stderr).toContain("quantized weights are not kept");
});
