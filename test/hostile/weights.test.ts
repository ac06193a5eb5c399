import { describe, expect, it } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { editCheckpoint, float32Tensor, numbersOf, type StoredTensor } from "./support/edit-checkpoint.ts";

const embeddingName = "model.embed_tokens.weight";
const headName = "lm_head.weight";
const tied = (config: Record<string, unknown>): Record<string, unknown> => ({
  ...config,
  tie_word_embeddings: true,
});

/** The log-probability of the first greedy token after a few tokens. */
async function firstLogprob(daemon: TestDaemon, model: string): Promise<number> {
  const response = await fetch(`${daemon.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: [5, 6, 7], max_tokens: 1, temperature: 0, logprobs: 0 }),
  });
  const answer = (await response.json()) as { choices: { logprobs: { token_logprobs: number[] } }[] };
  return answer.choices[0]?.logprobs.token_logprobs[0] ?? Number.NaN;
}

async function serveLogprob(directory: string): Promise<{ logprob: number; log: string }> {
  await using daemon = await startDaemon({ args: ["--model", directory, "--model-name", "edited"] });
  const logprob = await firstLogprob(daemon, "edited");
  return { logprob, log: daemon.logs.map(({ msg }) => msg).join("\n") };
}

describe.concurrent("a config that ties the output head to the embedding", () => {
  it("is not followed where another head is stored, as in transformers, and the log says so", async () => {
    await using model = await editCheckpoint("llama2", {
      config: tied,
      tensors: (tensors) =>
        tensors.set(
          headName,
          float32Tensor([320, 64], () => 0),
        ),
    });
    const { logprob, log } = await serveLogprob(model.directory);
    // A head of zeros makes all tokens equally likely.
    expect(logprob).toBeCloseTo(-Math.log(320), 5);
    expect(log).toContain("lm_head.weight is stored and differs from model.embed_tokens.weight");
  });

  it("is followed where only the head is stored, which is the embedding then", async () => {
    const makeTied = (keep: string) =>
      editCheckpoint("llama2", {
        config: tied,
        tensors: (tensors) => {
          const embedding = tensors.get(embeddingName);
          tensors.delete(embeddingName);
          tensors.delete(headName);
          if (embedding !== undefined) tensors.set(keep, embedding);
        },
      });
    await using headOnly = await makeTied(headName);
    await using embeddingOnly = await makeTied(embeddingName);
    const [found, expected] = await Promise.all(
      [headOnly, embeddingOnly].map(({ directory }) => serveLogprob(directory)),
    );
    expect(found?.logprob).toBe(expected?.logprob);
    expect(found?.log).not.toContain("differs");
  });

  it("is told of by inspect and doctor where the head differs", async () => {
    await using model = await editCheckpoint("llama2", { config: tied });
    const warning = expect.objectContaining({ code: "HEAD_NOT_TIED" }) as unknown;
    const inspect = await runCli(["models", "inspect", model.directory, "--json"]);
    const doctor = await runCli(["doctor", "--model", model.directory, "--json"]);
    expect(JSON.parse(inspect.stdout)).toMatchObject({ warnings: [warning], hasTiedEmbeddings: false });
    const { models } = JSON.parse(doctor.stdout) as { models: { model: unknown }[] };
    expect(models[0]?.model).toMatchObject({ warnings: [warning] });
  });
});

describe.concurrent("tensors that the network does not use", () => {
  it("are named by serve's log, inspect and doctor", async () => {
    await using model = await editCheckpoint("llama2", {
      tensors: (tensors) =>
        tensors.set(
          "model.layers.9.stray.weight",
          float32Tensor([2], () => Number.NaN),
        ),
    });
    const { log, logprob } = await serveLogprob(model.directory);
    const inspect = await runCli(["models", "inspect", model.directory]);
    const doctor = await runCli(["doctor", "--model", model.directory]);
    // Not used, so its NaN does not matter.
    expect(logprob).toBeLessThan(0);
    for (const text of [log, inspect.stdout, doctor.stdout]) {
      expect(text).toContain("model.layers.9.stray.weight");
    }
  });
});

/** Sets one stored number, of whatever width. */
function poison({ dtype, bytes }: StoredTensor, index: number): void {
  if (dtype === "F32") new Uint32Array(bytes.buffer)[index] = 0x7fc0_0000;
  else new Uint16Array(bytes.buffer)[index] = dtype === "F16" ? 0xfc00 : 0xff80;
}

describe.concurrent("weights that are no finite numbers", () => {
  it.each([
    ["llama2", "model.norm.weight", "1 NaN in model.norm.weight (F32"],
    ["llama2", embeddingName, `1 NaN in ${embeddingName} (F32`],
    [
      "llama-f16",
      "model.layers.0.mlp.down_proj.weight",
      "1 infinite in model.layers.0.mlp.down_proj.weight (F16",
    ],
  ])("of %s in %s are refused at load by the tensor's name", async (name, tensor, found) => {
    await using model = await editCheckpoint(name, { tensors: (tensors) => poison(tensors.get(tensor)!, 5) });
    const { exitCode, stderr } = await runCli(["serve", "--port", "0", "--model", model.directory]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain("NON_FINITE_WEIGHTS");
    expect(stderr).toContain(found);
  });

  it("that come only of computing fail their request alone", async () => {
    await using model = await editCheckpoint("llama2", {
      // What the head says of one token overflows, to either side.
      tensors: (tensors) => numbersOf(tensors.get(headName)!).fill(3e38, 64 * 9, 64 * 9 + 1),
    });
    await using daemon = await startDaemon({ args: ["--model", model.directory, "--model-name", "edited"] });
    const complete = async (tokenId: number): Promise<{ status: number; answer: unknown }> => {
      const response = await fetch(`${daemon.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "edited", prompt: [5, tokenId], max_tokens: 1, temperature: 0 }),
      });
      const body = (await response.json()) as { choices?: { text: string }[]; error?: { code: string } };
      return { status: response.status, answer: body.choices?.[0]?.text ?? body.error?.code };
    };
    const tokenIds = Array.from({ length: 24 }, (_, index) => index + 10);
    const alone: unknown[] = [];
    for (const tokenId of tokenIds) alone.push(await complete(tokenId));
    expect(alone).toContainEqual({ status: 500, answer: "generation_failed" });
    expect(alone).toContainEqual(expect.objectContaining({ status: 200 }));
    expect(await Promise.all(tokenIds.map(complete))).toEqual(alone);
    expect(daemon.logs.map(({ msg }) => msg)).not.toContain("engine crashed");
  });
});
