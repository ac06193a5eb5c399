import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";

const checkpoint = join(import.meta.dirname, "../fixtures/checkpoints/llama31");
let directory = "";
let config: Record<string, number>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-config-"));
  config = JSON.parse(await readFile(join(checkpoint, "config.json"), "utf8"));
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const inspect = async (path: string, ...flags: string[]): Promise<Awaited<ReturnType<typeof runCommand>>> =>
  runCommand(["models", "inspect", path, ...flags]);

describe("models inspect on a config without weights", () => {
  test("counts the parameters that the checkpoint has, and plans each mode", async () => {
    const whole = JSON.parse((await inspect(checkpoint, "--json")).stdout);
    for (const path of [directory, join(directory, "config.json")]) {
      const run = await inspect(path, "--json");
      expect(run).toMatchObject({ exitCode: 0, stderr: "" });
      const model = JSON.parse(run.stdout);
      expect(model).toMatchObject({
        family: "llama",
        parameterCount: whole.parameterCount,
        kvBytesPerToken: whole.kvBytesPerToken,
        verdict: { wouldRun: true, reasons: [] },
      });
      for (const mode of ["none", "int8", "int4"]) {
        const flags = ["--quantize", mode, "--max-sequences", "1", "--context-tokens", "64", "--json"];
        const { memoryPlan } = JSON.parse((await inspect(checkpoint, ...flags)).stdout);
        const { memoryPlans } = JSON.parse((await inspect(path, ...flags)).stdout);
        expect(memoryPlans[mode]).toEqual(memoryPlan);
      }
    }
  });

  test("prints text, for the sizes that are asked for", async () => {
    const run = await inspect(directory, "--context-tokens", "64", "--max-sequences", "3");
    expect(run.exitCode).toBe(0);
    const limited = await inspect(directory, "--memory-limit", "1MiB");
    expect(limited.stdout).toMatch(/memory .*; 1.00 MiB are free here\n.*; more than is free here\n/);
    expect(run.stdout).toMatch(/architecture +LlamaForCausalLM \(llama\), would run/);
    expect(run.stdout).toMatch(
      /memory +for 3 sequences of 64 tokens; [\d.]+ \wiB are free here\n +--quantize none +[\d.]+ \wiB, .* of weights; fits here\n +--quantize int8 .*\n +--quantize int4 .*\n/,
    );
  });

  test("says which experts a mixture has", async () => {
    const path = join(directory, "mixture.json");
    const mixture = JSON.parse(await readFile(join(checkpoint, "../qwen2-moe/config.json"), "utf8"));
    await writeFile(path, JSON.stringify(mixture));
    const all = "7 in each of 2 layers, 3 for each token, intermediate 24; one of 48 for all tokens";
    const { stdout } = await inspect(path);
    expect(stdout).toMatch(/layers +2, hidden 64\n/);
    expect(stdout).toMatch(new RegExp(`experts +${all}\n`));
    await writeFile(path, JSON.stringify({ ...mixture, mlp_only_layers: [0] }));
    const some = await inspect(path);
    expect(some.stdout).toMatch(/layers +2, hidden 64, intermediate \d+\n/);
    expect(some.stdout).toMatch(/experts +7 in 1 layer, /);
    expect((await inspect(directory)).stdout).not.toContain("experts");
  });

  test("says that only the text of a model that takes images is served", async () => {
    const path = join(directory, "images.json");
    await writeFile(path, await readFile(join(checkpoint, "../gemma3-images/config.json"), "utf8"));
    const run = await inspect(path);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/context +at most \d+ tokens, rope scaling none and linear\n/);
    expect(run.stdout).toMatch(/\nwarning +only the text part of the model is served\n$/);
    expect((await inspect(directory)).stdout).not.toContain("warning");
  });

  test("says what heads of another width than the runtime's take", async () => {
    const path = join(directory, "heads.json");
    await writeFile(path, JSON.stringify({ ...config, head_dim: 100 }));
    expect((await inspect(path)).stdout).toMatch(
      /KV cache +[\d.]+ \wiB per token, [\d.]+ \w?i?B with --kv-cache-dtype int8; heads of 100 stored as 104, \+4 %/,
    );
    const ten = await inspect(join(checkpoint, "../llama-heads10"));
    expect(ten.stdout).toMatch(/KV cache +.* per token; heads of 10 stored as 16, \+60 %\)/);
    expect((await inspect(checkpoint)).stdout).not.toContain("stored as");
  });

  test.each([
    ["another family", { architectures: ["FooForCausalLM"] }, '"architectures": expected one of'],
    ["a rotation of another kind", { rope_scaling: { rope_type: "spiral", factor: 2 } }, "spiral"],
    ["another quantization", { quantization_config: { quant_method: "bitnet" } }, '"bitnet"'],
    ["layers that are no number", { num_hidden_layers: "many" }, '"num_hidden_layers"'],
  ])("refuses %s as serve would", async (_name, changes, message) => {
    const path = join(directory, "changed.json");
    await writeFile(path, JSON.stringify({ ...config, ...changes }));
    const run = await inspect(path);
    expect(run).toMatchObject({ exitCode: 4, stdout: "" });
    expect(run.stderr).toContain(message);
  });

  test("counts the groups of a quantized checkpoint as they would be stored", async () => {
    const path = join(directory, "gptq.json");
    const settings = { quant_method: "gptq", bits: 4, group_size: 16, desc_act: false, sym: true };
    const sizes = { hidden_size: 256, intermediate_size: 512, num_hidden_layers: 4, head_dim: 64 };
    await writeFile(path, JSON.stringify({ ...config, ...sizes, quantization_config: settings }));
    const run = await inspect(path);
    expect(run.stdout).toMatch(/weights +none here; .* in files: [A-Z\d]+ .*, GPTQ int4 [\d.]+ \wiB\n/);
    const { parameterCount, weightBytesByDtype } = JSON.parse((await inspect(path, "--json")).stdout);
    await writeFile(path, JSON.stringify({ ...config, ...sizes }));
    const dense = JSON.parse((await inspect(path, "--json")).stdout);
    expect(parameterCount).toBe(dense.parameterCount);
    // Of 16 numbers in 4 bits: 8 bytes, a scale of 2 and a zero point of half a byte.
    const { num_attention_heads: heads = 0, num_key_value_heads: kvHeads = 0 } = config;
    const matrices = 4 * (3 * 256 * 512 + 256 * 64 * 2 * (heads + kvHeads));
    expect(weightBytesByDtype["GPTQ int4"]).toBe((matrices / 16) * 10.5);
  });

  test("refuses a quantized checkpoint whose matrices hold several, as loading does", async () => {
    const path = join(directory, "fused.json");
    const fused = JSON.parse(await readFile(join(checkpoint, "../phi3/config.json"), "utf8"));
    const settings = { quant_method: "awq", bits: 4, group_size: 16, version: "gemm", zero_point: true };
    await writeFile(path, JSON.stringify({ ...fused, quantization_config: settings }));
    const run = await inspect(path);
    expect(run).toMatchObject({ exitCode: 4, stdout: "" });
    expect(run.stderr).toContain("UNSUPPORTED_QUANTIZATION");
  });

  test("takes a quantized checkpoint whose matrices hold several in GGUF only", async () => {
    const path = join(directory, "phi.json");
    const phi = JSON.parse(await readFile(join(checkpoint, "../phi/config.json"), "utf8"));
    const settings = { quant_method: "gptq", bits: 4, group_size: 4, desc_act: false, sym: true };
    await writeFile(path, JSON.stringify({ ...phi, quantization_config: settings }));
    expect(await inspect(path)).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("serve needs the weights", async () => {
    const run = await runCli(["serve", "--model", directory]);
    expect(run).toMatchObject({ exitCode: 4 });
    expect(run.stderr).toContain("model.safetensors");
  });
});
