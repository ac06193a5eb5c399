import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { runCli } from "./support/run-cli.ts";
import { startForTest } from "./support/start-for-test.ts";
import type { TestDaemon } from "./support/start-daemon.ts";

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const names = ["awq", "compressed-tensors", "gptq-act-order", "gptq-v2-8bit", "mxfp4"] as const;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-quantized-"));
  for (const name of names) await copyModel(name);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** The fixture with a tokenizer of its vocabulary. */
async function copyModel(name: string): Promise<string> {
  const target = path.join(directory, name);
  await cp(path.join(fixtures, "checkpoints", "llama3"), target, {
    recursive: true,
    filter: (source) =>
      !/config\.json$|\.safetensors$/.test(source) || source.endsWith("tokenizer_config.json"),
  });
  await cp(path.join(fixtures, "quantized", name), target, { recursive: true });
  return target;
}

interface Golden {
  readonly prompts: readonly {
    readonly tokens: readonly number[];
    readonly logits: { readonly data: string };
  }[];
}

/** One prompt after the other: which ones share a step would be a matter of time. */
async function completeAll(daemon: TestDaemon, { prompts }: Golden): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { tokens } of prompts) texts.push(await complete(daemon, tokens));
  return texts;
}

async function complete(daemon: TestDaemon, tokens: readonly number[]): Promise<string> {
  const models = (await (await fetch(`${daemon.url}/v1/models`)).json()) as { data: [{ id: string }] };
  const body = { model: models.data[0].id, prompt: tokens, temperature: 0, max_tokens: 12, ignore_eos: true };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.status).toBe(200);
  return (answer.body as unknown as { choices: [{ text: string }] }).choices[0].text;
}

describe.each(names)("%s", (name) => {
  test("is served from its own numbers, which are written once", async () => {
    const golden = JSON.parse(
      await readFile(path.join(fixtures, "quantized", name, "golden.json"), "utf8"),
    ) as Golden;
    const cache = path.join(directory, `${name}-cache`);
    const args = ["--model", path.join(directory, name), "--cache-dir", cache];
    const first = await startForTest({ args });
    const answers = await completeAll(first, golden);
    expect(answers.every((text) => text !== "")).toBe(true);
    first.signal("SIGTERM");
    await first.exited;
    const second = await startForTest({ args });
    expect(second.logs.filter(({ msg }) => msg === "quantizing weights")).toEqual([]);
    expect(await completeAll(second, golden)).toEqual(answers);
    const listed = await runCli(["cache", "ls", "--cache-dir", cache]);
    expect(listed.stdout).toMatch(/(?:AWQ|GPTQ|compressed-tensors) int[48]|MXFP4/);
  });

  test("is planned and described", async () => {
    const { stdout, exitCode } = await runCli(["models", "inspect", path.join(directory, name), "--tensors"]);
    expect(exitCode).toBe(0);
    if (name === "mxfp4") {
      expect(stdout).toMatch(/down_proj\S* +MXFP4 \(64, 96\), computed as int8 in blocks of 32\n/);
      return;
    }
    expect(stdout).toMatch(
      /self_attn\.q_proj\.\S+ +(?:AWQ|GPTQ|compressed-tensors) int[48] \(\d+, \d+\), computed as int[48] in blocks of (?:32|64|128) with zero points\n/,
    );
    expect(stdout).toMatch(/memory plan +\d/);
  });
});

test.each<[string, Record<string, unknown>]>([
  ["fp8", { quant_method: "fp8", activation_scheme: "dynamic" }],
  ["bitsandbytes", { quant_method: "bitsandbytes", load_in_4bit: true }],
  ["aqlm", { quant_method: "aqlm" }],
  ["gemv", { quant_method: "awq", version: "gemv", bits: 4, group_size: 128 }],
])("%s is refused by name", async (name, quantization) => {
  const target = await copyModel("awq");
  const file = path.join(target, "config.json");
  const config = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...config, quantization_config: quantization }));
  const { exitCode, stderr } = await runCli(["serve", "--model", target]);
  expect(exitCode).toBe(4);
  expect(stderr).toContain("UNSUPPORTED_QUANTIZATION");
  expect(stderr).toContain(name);
});
