import { cp, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onnxProvider } from "@infernode/inference/onnx";
import {
  embeddedModelDirectory,
  quantizationRecipes,
  writePreparedModel,
} from "../../packages/models/dist/index.js";
import { expect, onTestFinished, test } from "vitest";
import { convertToGguf } from "../../packages/models/test/support/convert-to-gguf.ts";
import { encodeGguf } from "../../packages/models/test/support/gguf-file.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";

const embedded = embeddedModelDirectory();

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-prepared-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const question = ["--prompt", "Once", "--max-tokens", "24", "--temperature", "0"];

/** The greedy answer of a model, with a cache directory that must not be needed. */
async function answer(
  model: string,
  more: readonly string[] = [],
): Promise<{ readonly text: string; readonly stderr: string }> {
  const cache = ["--cache-dir", "/proc/infernode/weights"];
  const { exitCode, stdout, stderr } = await runCommand([
    "play",
    "--model",
    model,
    ...question,
    ...cache,
    ...more,
  ]);
  expect(stderr.replaceAll(/Warning.*/g, "")).not.toContain("Error");
  expect(exitCode).toBe(0);
  return { text: stdout, stderr };
}

test("a prepared model answers as the checkpoint that is quantized at its start, and nothing is written", async () => {
  const directory = await scratch();
  const target = join(directory, "prepared");
  const written = await runCli(["models", "quantize", "embedded", target, "--quantize", "int4"]);
  expect(written).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("int4, blocks of 128") });
  expect(await readdir(directory)).toEqual(["prepared"]);
  const before = await filesOf(target);

  const quantized = await runCommand([
    "play",
    ...question,
    "--quantize",
    "int4",
    "--cache-dir",
    join(directory, "cache"),
  ]);
  const prepared = await answer(target);
  expect(prepared.text).toBe(quantized.stdout);
  expect(prepared.stderr).not.toContain("Warning");

  const inspected = await runCommand(["models", "inspect", target, "--json"]);
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    prepared: { quantization: expect.stringContaining("int4"), source: embedded },
    hasChatTemplate: true,
    verdict: { wouldRun: true },
  });
  expect(await filesOf(target)).toEqual(before);

  // Elsewhere, as in an image: without the note that it was compared with its checksums.
  const elsewhere = join(directory, "elsewhere");
  await cp(target, elsewhere, { recursive: true });
  await rm(target, { recursive: true });
  expect((await answer(elsewhere)).text).toBe(prepared.text);

  const again = await runCommand(["models", "quantize", "embedded", elsewhere, "--quantize", "int4"]);
  expect(again.stderr).toContain("expected a directory that is absent or empty, got one with files");
  expect(again.exitCode).not.toBe(0);
  expect((await answer(elsewhere, ["--quantize", "int8"])).stderr).toContain("has no effect");

  const file = await open(join(elsewhere, "prepared.safetensors"), "r+");
  await file.write(new Uint8Array(64).fill(0x55), 0, 64, (await file.stat()).size - 64);
  await file.close();
  const damaged = await runCommand(["play", "--model", elsewhere, ...question]);
  expect(damaged.stderr).toContain("INVALID_SAFETENSORS");
  expect(damaged.exitCode).toBe(4);
});

async function filesOf(directory: string): Promise<readonly unknown[]> {
  const names = (await readdir(directory)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, ctimeMs } = await stat(join(directory, name));
      return [name, size, mtimeMs, ctimeMs];
    }),
  );
}

test("a model that was prepared for another processor answers the same, and says so", async () => {
  const directory = await scratch();
  const [own, other] = [join(directory, "own"), join(directory, "other")];
  const prepare = (target: string, isOwn: boolean): Promise<unknown> =>
    writePreparedModel(embedded, target, {
      quantize: () => ({ mode: "int4", recipe: quantizationRecipes.int4 }),
      threadCount: 1,
      targetOf: (checkpoint) =>
        isOwn
          ? onnxProvider.prepacking.target({ name: "own", ...checkpoint })
          : { key: "other", description: "a library on another processor" },
      makeCopies: async (checkpoint, into) => {
        const copied = await onnxProvider.prepacking.prepack(
          { name: "own", ...checkpoint },
          { directory: into },
        );
        if (isOwn) return copied;
        return copied.map(({ tensorName, copies }) => ({
          tensorName,
          copies: copies.map(({ key, parts }) => ({ key: `${key}0`, parts: parts.toReversed() })),
        }));
      },
    });
  await prepare(own, true);
  await prepare(other, false);
  const [wanted, found] = [await answer(own), await answer(other)];
  expect(found.text).toBe(wanted.text);
  expect(wanted.stderr).not.toContain("prepared for");
  expect(found.stderr).toContain("was prepared for a library on another processor");
});

test("a GGUF file is prepared with its tokenizer", async () => {
  const directory = await scratch();
  const file = join(directory, "model.gguf");
  const checkpoint = fileURLToPath(new URL("../fixtures/checkpoints/llama31", import.meta.url));
  await writeFile(file, encodeGguf(await convertToGguf(checkpoint)));
  const int8 = ["--quantize", "int8"];
  const wanted = await answer(file, [...int8, "--cache-dir", join(directory, "cache")]);
  const target = join(directory, "prepared");
  // Weights are prepared for onnxruntime, which uses threads, whatever models run on.
  const environment = { INFERNODE_ENGINE__EXECUTOR: "cuda" };
  const quantize = ["models", "quantize", file, target, ...int8, "--threads", "1", "--json"];
  const written = await runCommand(quantize, { environment });
  expect(JSON.parse(written.stdout)).toMatchObject({ quantization: expect.stringContaining("int8") });
  await rm(file);
  expect((await answer(target)).text).toBe(wanted.text);
});

test("refuses what it cannot prepare or write, and leaves nothing", async () => {
  const directory = await scratch();
  const run = (...args: readonly string[]): ReturnType<typeof runCommand> =>
    runCommand(["models", "quantize", ...args]);
  const target = join(directory, "prepared");
  expect((await run("embedded", target, "--quantize", "none")).stderr).toContain(
    "expected --quantize int4 or int8",
  );
  expect((await run(join(directory, "absent"), target, "--quantize", "int4")).stderr).toContain(
    "expected a model, got nothing",
  );
  expect((await run("embedded", "/proc/infernode/model", "--quantize", "int4")).stderr).toContain(
    "QUANTIZE_FAILED",
  );
  await writeFile(join(directory, "file"), "");
  expect((await run("embedded", join(directory, "file"), "--quantize", "int4")).stderr).toContain(
    "got a file",
  );
  expect(await readdir(directory)).toEqual(["file"]);
  await mkdir(target);
  expect((await run("embedded", target, "--quantize", "int8")).exitCode).toBe(0);
  expect(await readdir(directory)).toEqual(["file", "prepared"]);
  expect((await run(target, join(directory, "again"), "--quantize", "int8")).stderr).toContain(
    "prepared before",
  );
});
