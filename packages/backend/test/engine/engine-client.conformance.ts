import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineClient, EngineReply, EngineRequest, Prompt } from "../../src/engine/engine-client.ts";

export interface ConformingEngine extends AsyncDisposable {
  readonly client: EngineClient;
  /** Another one, for the tests that end it. */
  readonly createAnother: () => Promise<EngineClient>;
}

let requestCount = 0;
function requestOf(prompt: Prompt, maxTokens: number, extra: Partial<EngineRequest> = {}): EngineRequest {
  const id = `conformance-${++requestCount}`;
  const sampling = { temperature: 0, ...extra.sampling };
  return { id, prompt, stopping: { maxTokens, ignoreEos: true, ...extra.stopping }, ...extra, sampling };
}

async function collect(client: EngineClient, request: EngineRequest): Promise<readonly EngineReply[]> {
  const replies: EngineReply[] = [];
  for await (const reply of client.generate(request, new AbortController().signal)) replies.push(reply);
  return replies;
}

function textOf(replies: readonly EngineReply[]): string {
  return replies.map((reply) => (reply.type === "delta" ? reply.delta.text : "")).join("");
}

async function untilIdle(client: EngineClient): Promise<void> {
  while ((client.stats()?.runningSequenceCount ?? 0) + (client.stats()?.waitingRequestCount ?? 0) > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const hello: Prompt = { kind: "text", text: "hello" };

/** What every `EngineClient` does, wherever its engine runs; the model has 256 tokens of context. */
export function describeEngineClient(name: string, create: () => Promise<ConformingEngine>): void {
  // oxlint-disable-next-line vitest/valid-title -- the suite runs for several engines
  describe(name, () => {
    let engine: ConformingEngine;
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
      const tokenIds = await client.tokenize(chat);
      expect(await client.tokenize(text)).toEqual(tokenIds);
      const description = await client.describePrompt(text);
      expect(description).toMatchObject({ tokenIds, text: "user: hi\nassistant: " });
      expect(description.spellings).toHaveLength(tokenIds.length);
      expect(await client.describePrompt({ kind: "tokens", tokenIds })).toEqual(description);
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
        for await (const reply of client.generate(requestOf(hello, 200), controller.signal)) {
          if (reply.type === "delta") controller.abort(reason);
        }
      };
      await expect(call()).rejects.toBe(reason);
      await untilIdle(client);
    });

    test("does nothing for a signal that was aborted before", async () => {
      const reason = new Error("too late");
      const replies = client.generate(requestOf(hello, 5), AbortSignal.abort(reason));
      await expect(replies[Symbol.asyncIterator]().next()).rejects.toBe(reason);
    });

    test("stops the work when the reader leaves the loop", async () => {
      for await (const reply of client.generate(requestOf(hello, 200), new AbortController().signal)) {
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
        message: expect.stringContaining("maximum context length is 256 tokens"),
        data: { contextTokens: 256 },
      });
      const huge: Prompt = { kind: "text", text: "x".repeat(4_000_000) };
      await expect(client.tokenize(huge)).rejects.toMatchObject({ code: "CONTEXT_LENGTH_EXCEEDED" });
      const wrong = requestOf(hello, 5, { sampling: { topP: 7 } });
      await expect(collect(client, wrong)).rejects.toMatchObject({
        name: "EngineRequestError",
        code: "INVALID_REQUEST",
        param: "sampling.topP",
      });
    });

    test("finishes what runs while draining, and refuses the rest", async () => {
      const other = await engine.createAnother();
      const replies: EngineReply[] = [];
      let drained: Promise<void> | undefined;
      for await (const reply of other.generate(requestOf(hello, 30), new AbortController().signal)) {
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
        for await (const reply of other.generate(requestOf(hello, 200), new AbortController().signal)) {
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
