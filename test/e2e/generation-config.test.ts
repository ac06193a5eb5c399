import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// The defaults of `generation_config.json`, with the fields that families publish, in copies of small checkpoints.

const fixtures = join(import.meta.dirname, "../fixtures");

interface Published {
  readonly checkpoint: string;
  /** How many tokens end an answer; one is a number, several are a list. */
  readonly endCount: number;
  readonly fields: object;
  /** What a request would have to send for the same. */
  readonly sampling: object;
}

const published: Readonly<Record<string, Published>> = {
  "llama-3.1": {
    checkpoint: "llama31",
    endCount: 3,
    fields: { do_sample: true, temperature: 0.6, top_p: 0.9, transformers_version: "4.42.3" },
    sampling: { temperature: 0.6, top_p: 0.9 },
  },
  "qwen2.5": {
    checkpoint: "qwen2",
    endCount: 2,
    fields: { do_sample: true, repetition_penalty: 1.1, temperature: 0.7, top_p: 0.8, top_k: 20 },
    sampling: { repetition_penalty: 1.1, temperature: 0.7, top_p: 0.8, top_k: 20 },
  },
  qwen3: {
    checkpoint: "qwen3",
    endCount: 2,
    fields: { pad_token_id: 0, do_sample: true, temperature: 0.6, top_k: 20, top_p: 0.95 },
    sampling: { temperature: 0.6, top_k: 20, top_p: 0.95 },
  },
  "gemma-3": {
    checkpoint: "gemma3",
    endCount: 2,
    fields: { cache_implementation: "hybrid", do_sample: true, pad_token_id: 0, top_k: 64, top_p: 0.95 },
    sampling: { top_k: 64, top_p: 0.95 },
  },
  "gpt-oss": {
    checkpoint: "gpt-oss",
    endCount: 3,
    fields: { do_sample: true, pad_token_id: 0, transformers_version: "4.55.0.dev0" },
    sampling: {},
  },
  "phi-4": { checkpoint: "phi3", endCount: 2, fields: { _from_model_config: true }, sampling: {} },
  "deepseek-distill": {
    checkpoint: "llama31-v5",
    endCount: 1,
    fields: { _from_model_config: true, do_sample: true, temperature: 0.6, top_p: 0.95 },
    sampling: { temperature: 0.6, top_p: 0.95 },
  },
  "other-fields": {
    checkpoint: "qwen2-untied",
    endCount: 1,
    fields: {
      do_sample: false,
      temperature: null,
      top_k: 50,
      max_length: 4,
      max_new_tokens: 9,
      num_beams: 4,
      stop_strings: ["a"],
      suppress_tokens: [5],
      of_tomorrow: [{}],
    },
    sampling: { temperature: 0 },
  },
};

/** A prompt, what the reference says to it, and after how many of these tokens the published end is. */
interface Expected {
  readonly prompt: readonly number[];
  readonly greedy: readonly number[];
  readonly endIndex: number;
}

async function readExpected(checkpoint: string): Promise<Expected> {
  const golden = JSON.parse(await readFile(join(fixtures, "golden", `${checkpoint}.json`), "utf8"));
  const [{ tokens: prompt, greedy }] = golden.prompts as [{ tokens: number[]; greedy: number[] }];
  // The first token that is no end in the fixture and comes for the first time, after two others.
  const endIndex = greedy.findIndex(
    (token, index) => index > 1 && token > 3 && greedy.indexOf(token) === index,
  );
  return { prompt, greedy, endIndex };
}

let folder: string;
let daemon: TestDaemon;

async function makeModel(name: string, { checkpoint, endCount, fields }: Published): Promise<string> {
  const directory = join(folder, name);
  await cp(join(fixtures, "checkpoints", checkpoint), directory, { recursive: true });
  const { greedy, endIndex } = await readExpected(checkpoint);
  const end = greedy[endIndex];
  const ends = endCount === 1 ? end : [319, end, 318].slice(0, endCount);
  await writeFile(
    join(directory, "generation_config.json"),
    JSON.stringify({ ...fields, eos_token_id: ends }),
  );
  return `${name}=${directory}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-generation-"));
  const models: string[] = [];
  for (const [name, model] of Object.entries(published)) models.push("--model", await makeModel(name, model));
  daemon = await startDaemon({ args: [...models, "--max-sequences", "4"] });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Choice {
  readonly token_ids: readonly number[];
  readonly finish_reason: string;
}

async function complete(model: string, parameters: object): Promise<readonly Choice[]> {
  const body = { model, return_token_ids: true, ...parameters };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.body.error).toBeUndefined();
  return answer.body["choices"] as readonly Choice[];
}

describe.each(Object.entries(published))("the generation_config.json of %s", (name, model) => {
  const asked = { n: 4, seed: 11, max_tokens: 40, ignore_eos: true };
  const neutral = { temperature: 1, top_p: 1, top_k: 0, repetition_penalty: 1 };

  test("samples as a request with its numbers would", async () => {
    const { prompt } = await readExpected(model.checkpoint);
    const byDefault = await complete(name, { prompt, ...asked });
    expect(await complete(name, { prompt, ...asked, ...neutral, ...model.sampling })).toEqual(byDefault);
    const free = await complete(name, { prompt, ...asked, ...neutral });
    expect(JSON.stringify(free) === JSON.stringify(byDefault)).toBe(Object.keys(model.sampling).length === 0);
  });

  test("ends an answer at its tokens", async () => {
    const { prompt, greedy, endIndex } = await readExpected(model.checkpoint);
    const greedily = { prompt, temperature: 0, repetition_penalty: 1, max_tokens: 40 };
    const [choice] = await complete(name, greedily);
    expect(choice).toMatchObject({ finish_reason: "stop", token_ids: greedy.slice(0, endIndex + 1) });
    const [further] = await complete(name, { ...greedily, ignore_eos: true });
    expect(further?.token_ids).toEqual(greedy.slice(0, 40));
  });
});

test("max_new_tokens is the length of an answer in a chat that names none", async () => {
  const body = { model: "other-fields", messages: [{ role: "user", content: "a" }], ignore_eos: true };
  const { body: answer } = await postJson(`${daemon.url}/v1/chat/completions`, body);
  expect(answer["usage"]).toMatchObject({ completion_tokens: 9 });
});
