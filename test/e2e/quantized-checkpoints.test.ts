import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCudaMachine } from "./support/cuda-machine.ts";
import { postJson } from "./support/post-json.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const names = ["awq", "compressed-tensors", "gptq-act-order", "gptq-v2-8bit", "mxfp4"] as const;

/** No kernel is run. */
const machine = openCudaMachine("quantized checkpoints and the CUDA executor", { ptx: [] });
const executors = ["onnx", "tfjs", ...("reason" in machine ? [] : ["cuda"])];

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

async function complete(daemon: TestDaemon, model: string, tokens: readonly number[]): Promise<string> {
  const body = { model, prompt: tokens, temperature: 0, max_tokens: 12, ignore_eos: true };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.status).toBe(200);
  return (answer.body as unknown as { choices: [{ text: string }] }).choices[0].text;
}

/** What both daemons answered, one after the other from one cache. */
let served: readonly {
  readonly answers: Readonly<Record<string, readonly string[]>>;
  readonly isQuantizing: boolean;
}[];
let cache = "";

async function serve(): Promise<(typeof served)[number]> {
  const models = names.flatMap((name) => ["--model", path.join(directory, name)]);
  await using daemon = await startDaemon({ args: [...models, "--cache-dir", cache] });
  const started = (): number => daemon.logs.filter(({ msg }) => msg === "engine started").length;
  await daemon.waitForLog(() => started() === names.length);
  const answers: Record<string, readonly string[]> = {};
  for (const name of names) {
    const file = path.join(fixtures, "quantized", name, "golden.json");
    const { prompts } = JSON.parse(await readFile(file, "utf8")) as Golden;
    // One prompt after the other: which ones share a step would be a matter of time.
    const texts: string[] = [];
    for (const { tokens } of prompts) texts.push(await complete(daemon, name, tokens));
    answers[name] = texts;
  }
  daemon.signal("SIGTERM");
  await daemon.exited;
  return { answers, isQuantizing: daemon.logs.some(({ msg }) => msg === "quantizing weights") };
}

beforeAll(async () => {
  cache = path.join(directory, "cache");
  served = [await serve(), await serve()];
});

describe.each(names)("%s", (name) => {
  test("is served from its own numbers", () => {
    const [first, second] = served.map(({ answers }) => answers[name]);
    expect(first?.every((text) => text !== "")).toBe(true);
    expect(second).toEqual(first);
  });

  test.each(executors)("is planned and described for %s as serve would run it", async (executor) => {
    const args = ["models", "inspect", path.join(directory, name), "--tensors", "--executor", executor];
    // A driver is found by the environment that a process starts with.
    const { stdout, stderr, exitCode } =
      "environment" in machine && executor === "cuda"
        ? await runCli(args, { environment: machine.environment })
        : await runCommand(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/memory plan +\d/);
    if (name === "mxfp4") {
      expect(stdout).toMatch(/down_proj\S* +MXFP4 \(64, 96\), computed as int8 in blocks of 32\n/);
      return;
    }
    expect(stdout).toMatch(
      /self_attn\.q_proj\.\S+ +(?:AWQ|GPTQ|compressed-tensors) int[48] \(\d+, \d+\), computed as int[48] in blocks of (?:32|64|128) with zero points\n/,
    );
  });

  test.each(["auto", "int4"])(
    "is prepared with --quantize %s, and answers as it would without",
    async (mode) => {
      const target = path.join(directory, `${name}-prepared-${mode}`);
      const quantize = ["--quantize", mode];
      const written = await runCommand([
        "models",
        "quantize",
        path.join(directory, name),
        target,
        ...quantize,
      ]);
      expect(written).toMatchObject({ exitCode: 0, stderr: "" });
      const play = async (model: string, cacheDirectory: string): Promise<string> => {
        const question = ["--prompt", "the cat", "--max-tokens", "12", "--temperature", "0"];
        const flags = ["--cache-dir", cacheDirectory, ...quantize];
        const run = await runCommand(["play", "--model", model, ...question, ...flags]);
        expect(run).toMatchObject({ exitCode: 0 });
        return run.stdout;
      };
      const wanted = await play(path.join(directory, name), path.join(directory, "play"));
      // Nothing is written for it.
      expect(await play(target, "/proc/infernode/weights")).toBe(wanted);
    },
  );
});

test("are written once", async () => {
  expect(served.map(({ isQuantizing }) => isQuantizing)).toEqual([true, false]);
  const { stdout } = await runCommand(["cache", "ls", "--json", "--cache-dir", cache]);
  const kinds = (JSON.parse(stdout) as { quantization: string }[]).map(({ quantization }) => quantization);
  expect(kinds).toHaveLength(names.length);
  for (const kind of kinds) expect(kind).toMatch(/(?:AWQ|GPTQ|compressed-tensors) int[48]|MXFP4/);
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
  // As serve does, which the first one shows.
  const { exitCode, stderr } = await (name === "fp8"
    ? runCli(["serve", "--model", target])
    : runCommand(["models", "inspect", target]));
  expect(exitCode).toBe(4);
  expect(stderr).toContain("UNSUPPORTED_QUANTIZATION");
  expect(stderr).toContain(name);
});
