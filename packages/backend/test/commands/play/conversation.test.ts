import { expect, test } from "vitest";
import { createConversation } from "../../../src/commands/play/conversation.ts";
import { parsePlayOptions } from "../../../src/commands/play/play-options.ts";
import { formatAnswerNotes } from "../../../src/commands/play/play-terminal.ts";
import type { ModelService } from "../../../src/models/model-service.ts";
import type { GenerateEvent, GenerateInput } from "../../../src/operations/generate.ts";
import { fakeModel } from "../../support/fake-core.ts";
import { runFake } from "../../support/fake-operations.ts";

const chatModel = { ...fakeModel, hasChatTemplate: true, generationDefaults: { temperature: 0.5, topK: 9 } };

/** Answers each request with its number, in two deltas. */
function createEchoEngine(): {
  readonly engine: Pick<ModelService, "call">;
  readonly requests: GenerateInput[];
} {
  const requests: GenerateInput[] = [];
  async function* generate(request: GenerateInput, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    requests.push(request);
    yield { type: "accepted", promptTokenCount: 3 };
    for (const text of ["answer ", String(requests.length)]) {
      signal.throwIfAborted();
      const finishReason = text === "answer " ? undefined : "stop";
      yield {
        type: "delta",
        delta: { index: 0, text, tokenIds: [1], logprobs: undefined, finishReason, stopReason: undefined },
      };
    }
  }
  const engine: Pick<ModelService, "call"> = {
    call: (operation, input, { signal = new AbortController().signal }) =>
      runFake(
        { generate, describe: () => ({ tokenIds: [], spellings: [], text: "" }) },
        { operation, input, signal },
      ),
  };
  return { engine, requests };
}

const askOptions = { signal: new AbortController().signal, onText: () => undefined };

test("sends the whole conversation, starting with the system prompt", async () => {
  const { engine, requests } = createEchoEngine();
  const conversation = createConversation(engine, chatModel, parsePlayOptions({ system: "be brief" }));
  await conversation.ask("one", askOptions);
  await conversation.ask("two", askOptions);
  expect(requests[1]?.prompt).toEqual({
    kind: "chat",
    messages: [
      { role: "system", content: "be brief" },
      { role: "user", content: "one" },
      { role: "assistant", content: "answer 1" },
      { role: "user", content: "two" },
    ],
  });
  conversation.reset("be long");
  await conversation.ask("three", askOptions);
  expect(requests[2]?.prompt).toEqual({
    kind: "chat",
    messages: [
      { role: "system", content: "be long" },
      { role: "user", content: "three" },
    ],
  });
  conversation.reset("");
  await conversation.ask("four", askOptions);
  expect(requests[3]?.prompt).toEqual({ kind: "chat", messages: [{ role: "user", content: "four" }] });
});

test("keeps the text of an answer that was stopped", async () => {
  const { engine, requests } = createEchoEngine();
  const conversation = createConversation(engine, chatModel, parsePlayOptions({}));
  const controller = new AbortController();
  const stopped = conversation.ask("one", { signal: controller.signal, onText: () => controller.abort() });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  await conversation.ask("two", askOptions);
  expect(requests[1]?.prompt).toMatchObject({
    messages: [{ content: "one" }, { role: "assistant", content: "answer " }, { content: "two" }],
  });
});

test("flags override the checkpoint's sampling parameters", async () => {
  const { engine, requests } = createEchoEngine();
  const options = parsePlayOptions({ temperature: "0", seed: "7", maxTokens: "5" });
  await createConversation(engine, chatModel, options).ask("one", askOptions);
  expect(requests[0]).toMatchObject({
    sampling: { temperature: 0, topK: 9, seed: 7 },
    stopping: { maxTokens: 5 },
  });
});

test("continues each text without history if the model has no chat template", async () => {
  const { engine, requests } = createEchoEngine();
  const conversation = createConversation(engine, fakeModel, parsePlayOptions({ system: "unused" }));
  await conversation.ask("one", askOptions);
  await conversation.ask("two", askOptions);
  expect(requests[1]?.prompt).toEqual({ kind: "text", text: "two" });
});

test.each([
  [{ temperature: "hot" }, /--temperature: expected a number from 0 to 2, got "hot"/],
  [{ temperature: "" }, /--temperature/],
  [{ maxTokens: "1.5" }, /--max-tokens: expected an integer from 1/],
  [{ seed: "-1" }, /--seed/],
])("rejects %j", (values, message) => {
  expect(() => parsePlayOptions(values)).toThrow(message);
});

test("notes why an answer was cut off, and its speed", () => {
  const summary = {
    finishReason: "length",
    promptTokens: 60,
    completionTokens: 4,
    firstTokenMs: 10,
    totalMs: 40,
  } as const;
  const model = { contextTokens: 64 };
  expect(formatAnswerNotes(summary, model, { maxTokens: 4, isVerbose: false })).toEqual([
    "cut off after 4 tokens (--max-tokens)",
  ]);
  expect(formatAnswerNotes(summary, model, { maxTokens: undefined, isVerbose: false })[0]).toContain(
    "the context of 64 tokens is full (60 for the conversation, 4 for the answer)",
  );
  const done = { ...summary, finishReason: "stop" } as const;
  expect(formatAnswerNotes(done, model, { maxTokens: undefined, isVerbose: true })).toEqual([
    "60 prompt tokens, 4 generated, first token after 10 ms, then 100.0 tokens/s",
  ]);
  expect(formatAnswerNotes(done, model, { maxTokens: undefined, isVerbose: false })).toEqual([]);
});
