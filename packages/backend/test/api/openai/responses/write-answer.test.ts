import { expect, test } from "vitest";
import { openAiResponsesFormat } from "../../../../src/api/openai/responses-format.ts";
import { writeAnswer, type AnswerForm } from "../../../../src/api/openai/responses/write-answer.ts";
import { ResponseFailure } from "../../../../src/api/openai/responses/response-failure.ts";
import type { StreamEvent } from "../../../../src/api/shared/generation.ts";
import type { TrackedReplies } from "../../../../src/api/shared/generation/track-progress.ts";
import { toApiError } from "../../../../src/api/shared/to-api-error.ts";
import { BackendError } from "../../../../src/errors.ts";
import type { AnswerPart } from "../../../../src/parsers/part-sink.ts";

const form: AnswerForm = {
  itemId: "1",
  write: (state) => ({ id: "resp_1", output: [], ...state }),
  keep: async (response) => response,
  toError: toApiError,
};

const noDelta = {
  index: 0,
  tokenIds: [1],
  text: "",
  logprobs: undefined,
  finishReason: undefined,
  stopReason: undefined,
};

/** Replies with these parts, a delta for each. */
function replies(parts: readonly AnswerPart[], failure?: Error): TrackedReplies {
  return {
    progress: { promptTokens: 1, completionTokens: 1, firstTokenAtMs: undefined, finishReasons: [] },
    usage: () => ({ promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 }),
    async *deltas() {
      for (const part of parts) {
        yield { requestIndex: 0, delta: { ...noDelta, parts: [part] } };
      }
      if (failure !== undefined) throw failure;
    },
  };
}

async function read(
  chunks: AsyncIterable<readonly StreamEvent[]>,
  events: Record<string, unknown>[],
): Promise<void> {
  for await (const batch of chunks) {
    for (const event of batch) {
      events.push(JSON.parse(typeof event === "string" ? event : event.data) as Record<string, unknown>);
    }
  }
}

test("a stream that fails says so in its response, and in a last event that is numbered", async () => {
  const failing = replies(
    [{ type: "content", text: "a" }],
    new BackendError("ENGINE_CRASHED", "the engine crashed"),
  );
  const events: Record<string, unknown>[] = [];
  const failure: unknown = await read(writeAnswer(failing, form).chunks(), events).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(events.at(-1)).toMatchObject({ type: "response.failed", response: { status: "failed" } });
  expect(failure).toBeInstanceOf(ResponseFailure);
  const event = openAiResponsesFormat.errors.toEvent(failure as ResponseFailure, "req_1");
  expect(event).toMatchObject({ name: "error" });
  expect(JSON.parse((event as { data: string }).data)).toMatchObject({
    type: "error",
    code: "engine_crashed",
    sequence_number: events.length,
  });
});

test("items end in order where the arguments of calls come late", async () => {
  const events: Record<string, unknown>[] = [];
  const late = replies([
    { type: "call", callIndex: 0, id: "a", name: "f" },
    { type: "call", callIndex: 1, id: "b", name: "g" },
    { type: "arguments", callIndex: 1, text: '{"x":1}' },
    { type: "arguments", callIndex: 0, text: "{}" },
  ]);
  await read(writeAnswer(late, form).chunks(), events);
  expect(events.at(-1)).toMatchObject({
    type: "response.completed",
    response: {
      output: [
        { id: "fc_10", call_id: "a", name: "f", arguments: "{}" },
        { id: "fc_11", call_id: "b", name: "g", arguments: '{"x":1}' },
      ],
    },
  });
  expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, at) => at));
});

test("an answer without text has an empty message", async () => {
  const pieces = await writeAnswer(replies([]), form).collect();
  expect(JSON.parse([...pieces].join(""))).toMatchObject({
    status: "completed",
    output: [{ type: "message", content: [{ type: "output_text", text: "" }] }],
  });
});
