import { expect, test } from "vitest";
import { createChatWriter } from "../../../../src/api/openai/answers/chat-answer.ts";
import type { TokenDelta } from "../../../../src/operations/token-delta.ts";

const delta = (
  changes: Partial<TokenDelta>,
): { readonly requestIndex: number; readonly delta: TokenDelta } => ({
  requestIndex: 0,
  delta: {
    index: 0,
    text: "",
    tokenIds: [1],
    logprobs: undefined,
    finishReason: undefined,
    stopReason: undefined,
    ...changes,
  },
});

test("calls and reasoning before a restart of the engine are void", () => {
  const writer = createChatWriter({ n: 1, hasReasoning: true });
  writer.collect(
    delta({
      parts: [
        { type: "reasoning", text: "hm" },
        { type: "call", callIndex: 0, id: "call_1", name: "f" },
        { type: "arguments", callIndex: 0, text: '{"a"' },
      ],
    }),
  );
  writer.onRestart?.(0);
  writer.collect(delta({ text: "No call.", finishReason: "stop" }));
  expect(writer.choices()).toEqual([
    {
      index: 0,
      message: { role: "assistant", content: "No call.", refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ]);
});
