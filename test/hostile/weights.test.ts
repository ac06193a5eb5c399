import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import {
  editCheckpoint,
  float32Tensor,
  numbersOf,
  type CheckpointEdits,
  type EditedCheckpoint,
  type StoredTensor,
} from "./support/edit-checkpoint.ts";
import { openProgram } from "./support/open-program.ts";

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

/** Sets one stored number, of whatever width. */
function poison({ dtype, bytes }: StoredTensor, index: number): void {
  if (dtype === "F32") new Uint32Array(bytes.buffer)[index] = 0x7fc0_0000;
  else new Uint16Array(bytes.buffer)[index] = dtype === "F16" ? 0xfc00 : 0xff80;
}

const onlyTied =
  (keep: string): NonNullable<CheckpointEdits["tensors"]> =>
  (tensors) => {
    const embedding = tensors.get(embeddingName);
    tensors.delete(embeddingName);
    tensors.delete(headName);
    if (embedding !== undefined) tensors.set(keep, embedding);
  };

const notFinite = [
  ["llama2", "model.norm.weight", "1 NaN in model.norm.weight (F32"],
  ["llama2", embeddingName, `1 NaN in ${embeddingName} (F32`],
  [
    "llama-f16",
    "model.layers.0.mlp.down_proj.weight",
    "1 infinite in model.layers.0.mlp.down_proj.weight (F16",
  ],
] as const;

/** Each is a model of that name, from the checkpoint `llama2`. */
const edits: Readonly<Record<string, CheckpointEdits>> = {
  "head of zeros": {
    config: tied,
    tensors: (tensors) =>
      tensors.set(
        headName,
        float32Tensor([320, 64], () => 0),
      ),
  },
  "head only": { config: tied, tensors: onlyTied(headName) },
  "embedding only": { config: tied, tensors: onlyTied(embeddingName) },
  stray: {
    tensors: (tensors) =>
      tensors.set(
        "model.layers.9.stray.weight",
        float32Tensor([2], () => Number.NaN),
      ),
  },
  overflowing: {
    // What the head says of one token overflows, to either side.
    tensors: (tensors) => numbersOf(tensors.get(headName)!).fill(3e38, 64 * 9, 64 * 9 + 1),
  },
};

const program = openProgram();
const checkpoints = new Map<string, EditedCheckpoint>();
let daemon: TestDaemon;
beforeAll(async () => {
  for (const [name, each] of Object.entries(edits)) {
    checkpoints.set(name, await editCheckpoint("llama2", each));
  }
  for (const [source, tensor] of notFinite) {
    const edited = editCheckpoint(source, { tensors: (tensors) => poison(tensors.get(tensor)!, 5) });
    checkpoints.set(`${source} ${tensor}`, await edited);
  }
  const args = [...checkpoints].flatMap(([name, { directory }]) => ["--model", `${name}=${directory}`]);
  daemon = await startDaemon({ args });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await program[Symbol.asyncDispose]();
  for (const checkpoint of checkpoints.values()) await checkpoint[Symbol.asyncDispose]();
});

/** What the daemon has logged of a model. */
const logOf = (model: string): string =>
  daemon.logs
    .filter((line) => line["model"] === model)
    .map(({ msg }) => msg)
    .join("\n");

describe("a config that ties the output head to the embedding", () => {
  it("is not followed where another head is stored, as in transformers, and the log says so", async () => {
    // A head of zeros makes all tokens equally likely.
    expect(await firstLogprob(daemon, "head of zeros")).toBeCloseTo(-Math.log(320), 5);
    expect(logOf("head of zeros")).toContain(
      "lm_head.weight is stored and differs from model.embed_tokens.weight",
    );
  });

  it("is followed where only the head is stored, which is the embedding then", async () => {
    const found = await firstLogprob(daemon, "head only");
    expect(found).toBe(await firstLogprob(daemon, "embedding only"));
    expect(found).toBeLessThan(0);
    expect(logOf("head only")).toContain("model loaded");
    expect(logOf("head only")).not.toContain("differs");
  });

  it("is told of by inspect and doctor where the head differs", async () => {
    const { directory } = checkpoints.get("head of zeros")!;
    const warning = expect.objectContaining({ code: "HEAD_NOT_TIED" }) as unknown;
    const inspect = await program.run(["models", "inspect", directory, "--json"]);
    const doctor = await program.run(["doctor", "--model", directory, "--json"]);
    expect(JSON.parse(inspect.stdout)).toMatchObject({ warnings: [warning], hasTiedEmbeddings: false });
    const { models } = JSON.parse(doctor.stdout) as { models: { model: unknown }[] };
    expect(models[0]?.model).toMatchObject({ warnings: [warning] });
  });
});

describe("tensors that the network does not use", () => {
  it("are named by serve's log, inspect and doctor", async () => {
    const { directory } = checkpoints.get("stray")!;
    const inspect = await program.run(["models", "inspect", directory]);
    const doctor = await program.run(["doctor", "--model", directory]);
    // Not used, so its NaN does not matter.
    expect(await firstLogprob(daemon, "stray")).toBeLessThan(0);
    for (const text of [logOf("stray"), inspect.stdout, doctor.stdout]) {
      expect(text).toContain("model.layers.9.stray.weight");
    }
  });
});

describe("weights that are no finite numbers", () => {
  it.each(notFinite)(
    "of %s in %s are refused at load by the tensor's name",
    async (source, tensor, found) => {
      const failed = await daemon.waitForLog(
        ({ msg, model }) => msg === "engine failed" && model === `${source} ${tensor}`,
      );
      expect(String(failed["reasons"])).toContain(found);
      expect(String(failed["reasons"])).toContain("NON_FINITE_WEIGHTS");
    },
  );

  it("that come only of computing fail their request alone", async () => {
    const complete = async (tokenId: number): Promise<{ status: number; answer: unknown }> => {
      const response = await fetch(`${daemon.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "overflowing", prompt: [5, tokenId], max_tokens: 1, temperature: 0 }),
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
