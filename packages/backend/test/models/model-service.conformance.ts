import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineClient } from "../../src/models/engine/engine-client.ts";
import { firstEvent } from "../../src/models/first-event.ts";
import { describePrompt } from "../../src/operations/describe-prompt.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../src/operations/generate.ts";
import type { Operation } from "../../src/operations/operation.ts";
import type { Prompt, PromptDescription } from "../../src/operations/prompt.ts";
import { tokenize } from "../../src/operations/tokenize.ts";

export interface ConformingService extends AsyncDisposable {
  readonly client: EngineClient;
  /** Another one, for the tests that end it. */
  readonly createAnother: () => Promise<EngineClient>;
}

let requestCount = 0;
function requestOf(prompt: Prompt, maxTokens: number, extra: Partial<GenerateInput> = {}): GenerateInput {
  const id = `conformance-${(requestCount += 1)}`;
  const sampling = { temperature: 0, ...extra.sampling };
  return { id, prompt, stopping: { maxTokens, ignoreEos: true, ...extra.stopping }, ...extra, sampling };
}

function modelIdOf(client: EngineClient): string {
  return client.model?.id ?? "none";
}

function generateOn(
  client: EngineClient,
  input: GenerateInput,
  signal: AbortSignal,
): AsyncIterable<GenerateEvent> {
  return client.call(generate, input, { modelId: modelIdOf(client), signal });
}

async function tokensOf(client: EngineClient, prompt: Prompt): Promise<readonly number[]> {
  return (await firstEvent(client.call(tokenize, prompt, { modelId: modelIdOf(client) }))).tokenIds;
}

async function describeOn(client: EngineClient, prompt: Prompt): Promise<PromptDescription> {
  const event = client.call(describePrompt, prompt, { modelId: modelIdOf(client) });
  const { type: _, ...description } = await firstEvent(event);
  return description;
}

async function collect(client: EngineClient, request: GenerateInput): Promise<readonly GenerateEvent[]> {
  const replies: GenerateEvent[] = [];
  for await (const reply of generateOn(client, request, new AbortController().signal)) replies.push(reply);
  return replies;
}

function textOf(replies: readonly GenerateEvent[]): string {
  return replies.map((reply) => (reply.type === "delta" ? reply.delta.text : "")).join("");
}

async function untilIdle(client: EngineClient): Promise<void> {
  while ((client.stats()?.runningSequenceCount ?? 0) + (client.stats()?.waitingRequestCount ?? 0) > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** An operation that the package does not have: what is here is all that it takes. */
export const shout: Operation<{ readonly text: string; readonly times: number }, ShoutEvent> = {
  name: "shout",
  async *run({ prompts }, { text, times }, signal) {
    const prompt = { kind: "text", text: text.toUpperCase() } as const;
    for (let count = 0; count < times; count += 1) {
      const description = await prompts.describe(prompt, signal);
      yield { type: "shouted", text: description.text };
    }
  },
};

interface ShoutEvent {
  readonly type: "shouted";
  readonly text: string;
}

const hello: Prompt = { kind: "text", text: "hello" };

/** What every `ModelService` does, wherever its models run; the model has 256 tokens of context, and `shout` is registered. */
export function describeModelService(name: string, create: () => Promise<ConformingService>): void {
  // oxlint-disable-next-line vitest/valid-title -- the suite runs for several engines
  describe(name, () => {
    let engine: ConformingService;
    let client: EngineClient;
    beforeAll(async () => {
      engine = await create();
      ({ client } = engine);
    });
    afterAll(() => engine[Symbol.asyncDispose]());

    test("is ready with a model", () => {
      expect(client.state).toBe("ready");
      expect(client.reasons()).toEqual([]);
      expect(client.model).toMatchObject({ family: "llama", contextTokens: 256, hasChatTemplate: true });
    });

    test("lists its model with its state, and has no other", async () => {
      expect(client.models()).toMatchObject([{ state: "ready", reasons: [], model: { family: "llama" } }]);
      const call = client.call(tokenize, hello, { modelId: "another" });
      await expect(firstEvent(call)).rejects.toMatchObject({
        name: "BackendError",
        code: "UNKNOWN_MODEL",
        message: expect.stringContaining("another"),
      });
    });

    test("runs an operation that is one object, and refuses one that nobody registered", async () => {
      const modelId = modelIdOf(client);
      const texts: string[] = [];
      for await (const { text } of client.call(shout, { text: "abc", times: 3 }, { modelId })) {
        texts.push(text);
      }
      expect(texts).toEqual(["ABC", "ABC", "ABC"]);
      await expect(
        firstEvent(client.call({ ...shout, name: "whisper" }, { text: "abc", times: 1 }, { modelId })),
      ).rejects.toMatchObject({
        name: "EngineRequestError",
        code: "UNKNOWN_OPERATION",
        message: expect.stringContaining("whisper"),
      });
      await expect(
        firstEvent(client.call(shout, { text: "abc", times: 0 }, { modelId })),
      ).rejects.toMatchObject({
        code: "ENGINE_PROTOCOL",
      });
    });

    test("accepts first, finishes last, and counts right", async () => {
      const replies = await collect(client, requestOf(hello, 12));
      expect(replies[0]).toEqual({ type: "accepted", promptTokenCount: 5 });
      const deltas = replies.filter((reply) => reply.type === "delta");
      expect(deltas.flatMap(({ delta }) => delta.tokenIds)).toHaveLength(12);
      expect(deltas.at(-1)?.delta.finishReason).toBe("length");
      expect(replies.at(-1)).toMatchObject({
        type: "finished",
        usage: { promptTokens: 5, completionTokens: 12 },
        timings: { totalMs: expect.any(Number) },
      });
    });

    test("takes text, tokens and messages for the same prompt", async () => {
      const messages = [{ role: "user", content: "hi" }];
      const chat: Prompt = { kind: "chat", messages };
      const text: Prompt = { kind: "text", text: "user: hi\nassistant: ", addSpecialTokens: false };
      const tokenIds = await tokensOf(client, chat);
      expect(await tokensOf(client, text)).toEqual(tokenIds);
      const description = await describeOn(client, text);
      expect(description).toMatchObject({ tokenIds, text: "user: hi\nassistant: " });
      expect(description.spellings).toHaveLength(tokenIds.length);
      expect(await describeOn(client, { kind: "tokens", tokenIds })).toEqual(description);
      const answers: string[] = [];
      for (const prompt of [chat, text, { kind: "tokens", tokenIds } as const]) {
        answers.push(textOf(await collect(client, requestOf(prompt, 8))));
      }
      expect(new Set(answers).size).toBe(1);
    });

    test("carries bias, logprobs and several answers", async () => {
      const biased = requestOf(hello, 3, { sampling: { temperature: 0, logitBias: new Map([[7, 100]]) } });
      const ids = (await collect(client, biased)).flatMap((reply) =>
        reply.type === "delta" ? reply.delta.tokenIds : [],
      );
      expect(ids).toEqual([7, 7, 7]);
      const replies = await collect(client, {
        ...requestOf(hello, 2, { sampling: { temperature: 1, seed: 5 } }),
        n: 2,
        logprobs: 2,
      });
      const deltas = replies.filter((reply) => reply.type === "delta");
      expect(new Set(deltas.map(({ delta }) => delta.index))).toEqual(new Set([0, 1]));
      expect(deltas[0]?.delta.logprobs?.[0]?.top).toHaveLength(2);
    });

    test("tells a prompt's log-probabilities in parts before the first delta", async () => {
      const tokenIds = Array.from({ length: 200 }, (_, index) => index % 100);
      const request = { ...requestOf({ kind: "tokens", tokenIds }, 0), promptLogprobs: 20 };
      const replies = await collect(client, request);
      expect(replies.map(({ type }) => type)).toEqual([
        "accepted",
        "prompt-logprobs",
        "prompt-logprobs",
        "prompt-logprobs",
        "delta",
        "finished",
      ]);
      const entries = replies.flatMap((reply) => (reply.type === "prompt-logprobs" ? reply.logprobs : []));
      expect(entries[0]).toBeUndefined();
      expect(entries.slice(1).map((entry) => entry?.tokenId)).toEqual(tokenIds.slice(1));
      expect(entries[1]?.top).toHaveLength(20);
    });

    test("serves many at once as it serves one alone", async () => {
      const prompts = ["a", "bb", "ccc", "dddd", "eeeee"].map((text): Prompt => ({ kind: "text", text }));
      const alone: string[] = [];
      for (const prompt of prompts) alone.push(textOf(await collect(client, requestOf(prompt, 20))));
      const together = await Promise.all(prompts.map((prompt) => collect(client, requestOf(prompt, 20))));
      expect(together.map(textOf)).toEqual(alone);
    });

    test("rejects with the reason when the signal is aborted, and stops the work", async () => {
      const controller = new AbortController();
      const reason = new Error("the client left");
      const call = async (): Promise<void> => {
        for await (const reply of generateOn(client, requestOf(hello, 200), controller.signal)) {
          if (reply.type === "delta") controller.abort(reason);
        }
      };
      await expect(call()).rejects.toBe(reason);
      await untilIdle(client);
    });

    test("does nothing for a signal that was aborted before", async () => {
      const reason = new Error("too late");
      const replies = generateOn(client, requestOf(hello, 5), AbortSignal.abort(reason));
      await expect(replies[Symbol.asyncIterator]().next()).rejects.toBe(reason);
    });

    test("stops the work when the reader leaves the loop", async () => {
      for await (const reply of generateOn(client, requestOf(hello, 200), new AbortController().signal)) {
        if (reply.type === "delta") break;
      }
      await untilIdle(client);
      expect(client.stats()?.runningSequenceCount).toBe(0);
    });

    test("refuses with the engine's own code, field and numbers", async () => {
      const long: Prompt = { kind: "text", text: "x".repeat(300) };
      await expect(collect(client, requestOf(long, 1))).rejects.toMatchObject({
        name: "EngineRequestError",
        code: "CONTEXT_LENGTH_EXCEEDED",
        message: expect.stringContaining("at most 256 tokens, the maximum context length"),
        data: { contextTokens: 256 },
      });
      const huge: Prompt = { kind: "text", text: "x".repeat(4_000_000) };
      await expect(tokensOf(client, huge)).rejects.toMatchObject({ code: "CONTEXT_LENGTH_EXCEEDED" });
      const wrong = requestOf(hello, 5, { sampling: { topP: 7 } });
      await expect(collect(client, wrong)).rejects.toMatchObject({
        name: "EngineRequestError",
        code: "INVALID_REQUEST",
        param: "sampling.topP",
      });
    });

    test("finishes what runs while draining, and refuses the rest", async () => {
      const other = await engine.createAnother();
      const replies: GenerateEvent[] = [];
      let drained: Promise<void> | undefined;
      for await (const reply of generateOn(other, requestOf(hello, 30), new AbortController().signal)) {
        replies.push(reply);
        if (reply.type !== "delta" || drained !== undefined) continue;
        drained = other.drain({ timeoutMs: 30_000 });
        expect(other.state).toBe("draining");
        await expect(collect(other, requestOf(hello, 1))).rejects.toMatchObject({
          code: "ENGINE_UNAVAILABLE",
        });
      }
      await drained;
      expect(replies.at(-1)).toMatchObject({ type: "finished", usage: { completionTokens: 30 } });
      await other.dispose();
      expect(other.state).toBe("stopped");
      await expect(collect(other, requestOf(hello, 1))).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    });

    test("ends what runs when it is disposed of", async () => {
      const other = await engine.createAnother();
      const call = async (): Promise<void> => {
        for await (const reply of generateOn(other, requestOf(hello, 200), new AbortController().signal)) {
          if (reply.type === "delta") void other.dispose();
        }
      };
      await expect(call()).rejects.toMatchObject({
        code: expect.stringMatching(/ENGINE_UNAVAILABLE|ENGINE_DISPOSED/),
      });
      await other.dispose();
    });
  });
}
