import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deviceBytes, openCudaMachine } from "./support/cuda-machine.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";

const checkpoint = join(import.meta.dirname, "../fixtures/checkpoints/llama31");
/** No kernel is run. */
const machine = openCudaMachine("a config alone and the CUDA executor", { ptx: [] });

const publicConfigs = join(import.meta.dirname, "../fixtures/public-configs/configs.jsonl");
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
      /KV cache +[\d.]+ \wiB per token in float32, [\d.]+ \w?i?B with --kv-cache-dtype int8; heads of 100 stored as 104, \+4 %/,
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

  test("says that no GPU is considered unless one is asked for", async () => {
    const { stdout } = await inspect(directory);
    expect(stdout).toMatch(/executor +onnx \(auto: no GPU is considered for a config alone; --executor cuda/);
    expect(JSON.parse((await inspect(directory, "--json")).stdout)).toMatchObject({
      executor: { name: "onnx", device: "cpu" },
    });
  });

  test("plans for TensorFlow.js, which has a cache of float32 only", async () => {
    const run = await inspect(directory, "--executor", "tfjs");
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(run.stdout).toMatch(/KV cache +\d+ B per token in float32\n/);
    const refused = await inspect(directory, "--executor", "tfjs", "--kv-cache-dtype", "int8");
    expect(refused.stderr).toContain('`kvCacheDtype`: expected "float32" with this executor, got "int8"');
  });

  describe.skipIf("reason" in machine)("for a GPU", () => {
    const environment = "reason" in machine ? {} : machine.environment;
    const onGpu = async (path: string, ...flags: string[]): Promise<Awaited<ReturnType<typeof runCli>>> =>
      runCli(["models", "inspect", path, "--executor", "cuda", ...flags], { environment });

    test.each(["bfloat16", "float32"] as const)(
      "judges its memory and its cache, with weights of %s",
      async (dtype) => {
        const path = join(directory, `${dtype}.json`);
        await writeFile(path, JSON.stringify({ ...config, torch_dtype: dtype }));
        const { stdout, stderr, exitCode } = await onGpu(path, "--json");
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
        const found = JSON.parse(stdout);
        const share = Math.floor(deviceBytes * 0.9);
        expect(found).toMatchObject({
          executor: { name: "cuda", device: "cuda:0" },
          memoryPlans: { none: { kvCacheDtype: dtype }, int4: { kvCacheDtype: "bfloat16" } },
          memoryAvailableBytes: share,
        });
        expect(found.hostMemoryAvailableBytes).toBeGreaterThan(share);
        const { float32, bfloat16, int8 } = found.kvCacheBytesPerToken;
        expect(float32).toBe(2 * bfloat16);
        expect(int8).toBeLessThan(bfloat16);
        expect(found.memoryPlans.int4.kvBytesPerToken).toBe(bfloat16);
        const text = await onGpu(path);
        expect(text.stdout).toMatch(
          /memory +for 1 sequence of \d+ tokens on cuda:0, Stand-in GPU 0, where a model may use 115 MiB; [\d.]+ GiB of the host are free\n/,
        );
        expect(text.stdout).toMatch(
          /--quantize int4 .* of weights;.* [\d.]+ \wiB more of the host; fits here\n/,
        );
        const whole = await onGpu(path, "--gpu-memory-utilization", "0.005");
        expect(whole.stdout).toMatch(/--quantize int4 .*; more than is free here\n/);
      },
    );

    test("unpacks a quantized checkpoint as serve would", async () => {
      const path = join(directory, "w4a16.json");
      const lines = (await readFile(publicConfigs, "utf8"))
        .split("\n")
        .filter((line) => line.includes("w4a16"));
      const [published] = lines.map((line) => JSON.parse(line) as { readonly config: object });
      await writeFile(path, JSON.stringify(published?.config));
      const run = await onGpu(path, "--json");
      expect(run).toMatchObject({ exitCode: 0, stderr: "" });
      expect(JSON.parse(run.stdout)).toMatchObject({ memoryPlans: { none: { kvCacheDtype: "bfloat16" } } });
    });
  });

  test("serve needs the weights", async () => {
    const run = await runCli(["serve", "--model", directory]);
    expect(run).toMatchObject({ exitCode: 4 });
    expect(run.stderr).toContain("model.safetensors");
  });
});
