import assert from "node:assert/strict";
import type { Prompt } from "../operations/prompt.ts";
import { hello, requestOf, textOf, type CaseBody, type CaseContext } from "./case-context.ts";

/** What every service must do for generations. */
export const generationCases: Readonly<Record<string, CaseBody<CaseContext>>> = {
  "accepts first, finishes last, and counts right": async ({ collect, tokensOf }) => {
    const promptTokens = (await tokensOf(hello)).length;
    const events = await collect(requestOf(hello, 12));
    const [first, last] = [events[0], events.at(-1)];
    assert.ok(first?.type === "accepted" && [promptTokens, undefined].includes(first.promptTokenCount));
    const deltas = events.flatMap((event) => (event.type === "delta" ? [event.delta] : []));
    assert.equal(deltas.length, events.length - 2);
    assert.deepEqual(
      deltas.map(({ finishReason }) => finishReason).filter((reason) => reason !== undefined),
      ["length"],
    );
    assert.equal(deltas.at(-1)?.finishReason, "length");
    const tokenCount = deltas.flatMap(({ tokenIds }) => tokenIds).length;
    assert.ok([12, 0].includes(tokenCount), `expected the ids of 12 tokens or none, got ${tokenCount}`);
    assert.ok(last?.type === "finished");
    assert.equal(last.usage.promptTokens, promptTokens);
    assert.equal(last.usage.completionTokens, 12);
    assert.ok(last.timings.totalMs > 0 && (last.timings.timeToFirstTokenMs ?? -1) >= 0);
  },

  "accepts text, tokens and messages for the same prompt": async ({ collect, describe, tokensOf }) => {
    const chat: Prompt = { kind: "chat", messages: [{ role: "user", content: "hi" }] };
    const { tokenIds, text, spellings } = await describe(chat);
    assert.equal(spellings.length, tokenIds.length);
    const written: Prompt = { kind: "text", text, addSpecialTokens: false };
    const asTokens: Prompt = { kind: "tokens", tokenIds };
    assert.deepEqual(await tokensOf(written), tokenIds);
    assert.deepEqual(await describe(written), { tokenIds, text, spellings });
    assert.deepEqual(await describe(asTokens), { tokenIds, text, spellings });
    const answers: string[] = [];
    for (const prompt of [chat, written, asTokens]) answers.push(textOf(await collect(requestOf(prompt, 8))));
    assert.deepEqual(new Set(answers).size, 1, answers.join(" | "));
  },

  "continues the final message if asked to": async ({ describe }) => {
    const messages = [
      { role: "user", content: "hi" },
      { role: "assistant", content: "ho" },
    ];
    const closed = await describe({ kind: "chat", messages, options: { addGenerationPrompt: false } });
    const open = await describe({
      kind: "chat",
      messages,
      options: { addGenerationPrompt: false, continueFinalMessage: true },
    });
    assert.ok(open.text.endsWith("ho") && closed.text.startsWith(open.text) && closed.text !== open.text);
  },

  "continues to the end of the context without `maxTokens`": async ({ collect, contextTokens, tokensOf }) => {
    const promptTokens = (await tokensOf(hello)).length;
    const events = await collect(requestOf(hello, 1, { stopping: { maxTokens: undefined } }));
    const last = events.at(-1);
    assert.ok(last?.type === "finished");
    assert.equal(last.usage.completionTokens, contextTokens - promptTokens);
  },

  "applies a logit bias": async ({ collect, describe, tokensOf }) => {
    const [tokenId] = await tokensOf({ kind: "text", text: "z", addSpecialTokens: false });
    assert.ok(tokenId !== undefined);
    const { text } = await describe({ kind: "tokens", tokenIds: [tokenId, tokenId, tokenId] });
    const logitBias = new Map([[tokenId, 100]]);
    assert.equal(textOf(await collect(requestOf(hello, 3, { sampling: { logitBias } }))), text);
  },

  "generates the same text with the same seed of up to 64 bits": async ({ collect }) => {
    for (const seed of [5, 2n ** 63n + 1n, -1n]) {
      const extra = { sampling: { temperature: 1, seed } };
      const [first, second] = [
        await collect(requestOf(hello, 10, extra)),
        await collect(requestOf(hello, 10, extra)),
      ];
      assert.equal(textOf(first), textOf(second));
    }
  },

  "reports log-probabilities of several answers": async ({ collect }) => {
    const extra = { sampling: { temperature: 1, seed: 5 }, n: 2, logprobs: 2 };
    const events = await collect(requestOf(hello, 3, extra));
    const deltas = events.flatMap((event) => (event.type === "delta" ? [event.delta] : []));
    assert.deepEqual(new Set(deltas.map(({ index }) => index)), new Set([0, 1]));
    assert.equal(deltas.filter(({ finishReason }) => finishReason === "length").length, 2);
    const entries = deltas.flatMap(({ logprobs }) => logprobs ?? []);
    assert.equal(entries.length, 6);
    for (const { logprob, top, token, bytes } of entries) {
      assert.equal(top.length, 2);
      assert.ok(logprob <= 0 && (top[0]?.logprob ?? 1) >= (top[1]?.logprob ?? 1));
      assert.ok(token.includes("\u{fffd}") || new TextDecoder().decode(Uint8Array.from(bytes)) === token);
    }
    const last = events.at(-1);
    assert.ok(last?.type === "finished" && last.usage.completionTokens === 6);
  },

  "stops at a stop string": async ({ collect }) => {
    const text = textOf(await collect(requestOf(hello, 20)));
    const stop = Array.from(text).slice(8, 10).join("");
    const events = await collect(requestOf(hello, 20, { stopping: { maxTokens: 20, stop: [stop] } }));
    const stopped = textOf(events);
    assert.equal(stopped, text.slice(0, text.indexOf(stop)));
    assert.ok(events.some((event) => event.type === "delta" && event.delta.finishReason === "stop"));
  },

  "generates the same text in a batch as alone": async ({ collect }) => {
    const prompts = ["a", "bb", "ccc", "dddd", "eeeee"].map((text): Prompt => ({ kind: "text", text }));
    const alone: string[] = [];
    for (const prompt of prompts) alone.push(textOf(await collect(requestOf(prompt, 20))));
    const together = await Promise.all(prompts.map((prompt) => collect(requestOf(prompt, 20))));
    assert.deepEqual(
      together.map((events) => textOf(events)),
      alone,
    );
  },
};
