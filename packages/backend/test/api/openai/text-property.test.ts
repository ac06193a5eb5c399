import * as fc from "fast-check";
import { createAnswerBudget } from "../../../src/api/shared/answer-budget.ts";
import { createHeldResponses } from "../../../src/api/shared/held/create-held-responses.ts";
import { heldLimits } from "../../support/held-limits.ts";
import { expect, test } from "vitest";
import { chatCodec } from "../../../src/api/openai/chat.ts";
import { completionCodec } from "../../../src/api/openai/completions.ts";
import type { PreparedGeneration } from "../../../src/api/shared/generation.ts";
import { createFakeEngine, modelId } from "../../http/fake-engine.ts";

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly delta?: { readonly content?: string };
  readonly message?: { readonly content: string };
  readonly finish_reason: string | null;
}

const engine = createFakeEngine();
const context = {
  service: engine,
  clock: { now: () => 0, epochMs: () => 0 },
  ids: () => "id",
  maxChoices: 128,
  answers: createAnswerBudget(),
  held: createHeldResponses(heldLimits),
  version: "1",
};
const toRequest = (body: unknown) => ({ body, path: {}, query: {} });
const never = new AbortController().signal;

async function collect(prepared: PreparedGeneration): Promise<{ choices: Choice[]; usage: unknown }> {
  const pieces = [...(await (await prepared.start(never)).collect())];
  return JSON.parse(pieces.join("")) as { choices: Choice[]; usage: unknown };
}

async function stream(
  prepared: PreparedGeneration,
): Promise<{ texts: string[]; reasons: string[]; usage: unknown }> {
  const texts: string[] = [];
  const reasons: string[] = [];
  let usage: unknown;
  for await (const chunks of (await prepared.start(never)).chunks()) {
    for (const chunk of chunks.map(
      (text) => JSON.parse(text as string) as { choices: Choice[]; usage: unknown },
    )) {
      usage = chunk.usage;
      for (const { index, text, delta, finish_reason: reason } of chunk.choices) {
        texts[index] = (texts[index] ?? "") + (text ?? delta?.content ?? "");
        if (reason !== null) reasons[index] = reason;
      }
    }
  }
  return { texts, reasons, usage };
}

const parameters = fc.record(
  {
    seed: fc.integer(),
    n: fc.integer({ min: 1, max: 4 }),
    max_tokens: fc.integer({ min: 1, max: 40 }),
    stop: fc.array(fc.constantFrom("fox", "ran the", "語", "🦊", ". O", "zzz"), { maxLength: 3 }),
    include_stop_str_in_output: fc.boolean(),
  },
  { requiredKeys: ["seed"] },
);
const streamed = { stream: true, stream_options: { include_usage: true } };

test("what a chat streams is what it answers as a whole", async () => {
  await fc.assert(
    fc.asyncProperty(parameters, fc.string({ unit: "grapheme" }), async (fields, content) => {
      const body = { model: modelId, messages: [{ role: "user", content }], ...fields };
      const whole = await collect(chatCodec.prepare(toRequest(body), context));
      const parts = await stream(chatCodec.prepare(toRequest({ ...body, ...streamed }), context));
      expect(parts.texts).toEqual(whole.choices.map(({ message }) => message?.content));
      expect(parts.reasons).toEqual(whole.choices.map(({ finish_reason: reason }) => reason));
      expect(parts.usage).toEqual(whole.usage);
    }),
    { numRuns: 150, seed: 21 },
  );
});

test("what completions stream is what they answer as a whole, echo and several prompts among it", async () => {
  const prompts = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.array(fc.string(), { minLength: 1, maxLength: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(parameters, prompts, fc.boolean(), async (fields, prompt, echo) => {
      const body = { model: modelId, prompt, echo, ...fields };
      const whole = await collect(completionCodec.prepare(toRequest(body), context));
      const parts = await stream(completionCodec.prepare(toRequest({ ...body, ...streamed }), context));
      expect(parts.texts).toEqual(whole.choices.map(({ text }) => text));
      expect(parts.reasons).toEqual(whole.choices.map(({ finish_reason: reason }) => reason));
      expect(parts.usage).toEqual(whole.usage);
    }),
    { numRuns: 150, seed: 22 },
  );
});
