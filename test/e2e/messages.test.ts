import { createAnthropic } from "@ai-sdk/anthropic";
import Anthropic, { BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lookParameters, makeLookingModel } from "./support/looking-model.ts";
import type { RecitingModel } from "./support/make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "reciting";
const question = { role: "user" as const, content: "Where is the fox?" };
const look: Anthropic.Tool = { name: "look", input_schema: lookParameters };

let reciting: RecitingModel;
let daemon: TestDaemon;
let client: Anthropic;
beforeAll(async () => {
  reciting = await makeLookingModel();
  daemon = await startDaemon({ args: ["--model", `${model}=${reciting.directory}`, "--quantize", "none"] });
  client = new Anthropic({ baseURL: daemon.url, apiKey: "none", maxRetries: 0 });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await reciting[Symbol.asyncDispose]();
});

/** A whole message, and the same one as a stream. */
async function ask(
  fields: Partial<Anthropic.MessageCreateParamsNonStreaming>,
): Promise<readonly [Anthropic.Message, Anthropic.Message]> {
  const request = { model, max_tokens: 64, messages: [question], temperature: 0, ...fields };
  return [await client.messages.create(request), await client.messages.stream(request).finalMessage()];
}

test("the Anthropic client gets reasoning and text, whole and as a stream", async () => {
  for (const message of await ask({})) {
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model,
      content: [
        { type: "thinking", thinking: "Foxes dig." },
        { type: "text", text: "In a den." },
      ],
      stop_reason: "end_turn",
      stop_sequence: null,
    });
    expect(message.usage.output_tokens).toBeGreaterThan(4);
  }
});

test("the budget of thinking ends it", async () => {
  for (const message of await ask({ thinking: { type: "enabled", budget_tokens: 1 } })) {
    expect(message.content).toMatchObject([
      { type: "thinking", thinking: "Foxes" },
      { type: "text", text: "In a den." },
    ]);
  }
});

test("the Anthropic client gets a call, and the answer to its result", async () => {
  const messages = await ask({ tools: [look] });
  for (const { content, stop_reason: reason } of messages) {
    expect(reason).toBe("tool_use");
    expect(content).toMatchObject([{ type: "tool_use", name: "look", input: { place: "den" } }]);
    const [call] = content;
    if (call?.type !== "tool_use") throw new Error("expected a call");
    const result = { type: "tool_result" as const, tool_use_id: call.id, content: "fur" };
    const [whole, streamed] = await ask({
      tools: [look],
      messages: [question, { role: "assistant", content }, { role: "user", content: [result] }],
    });
    expect(whole.content).toEqual([{ type: "text", text: "A fox sleeps." }]);
    expect(streamed.content).toEqual(whole.content);
  }
});

test("calls and text match their schema where the Anthropic client asks for it", async () => {
  const near: Anthropic.Tool = {
    name: "near",
    strict: true,
    input_schema: {
      type: "object",
      properties: { places: { type: "array", items: { enum: ["den", "wood"] }, minItems: 1, maxItems: 3 } },
      required: ["places"],
      additionalProperties: false,
    },
  };
  const asked = { temperature: 1, max_tokens: 400, tools: [look, near] };
  for (const message of await ask({ ...asked, tool_choice: { type: "tool", name: "near" } })) {
    expect(message.stop_reason).toBe("tool_use");
    const call = message.content.find(({ type }) => type === "tool_use");
    expect(call).toMatchObject({ name: "near", input: { places: expect.any(Array) as unknown[] } });
  }
  const anyTool = { type: "any" as const, disable_parallel_tool_use: true };
  for (const message of await ask({ ...asked, tools: [near], tool_choice: anyTool })) {
    expect(message.content.map(({ type }) => type)).toEqual(["tool_use"]);
  }
});

test("the Anthropic client parses text that matches its schema, after the thinking", async () => {
  const format = jsonSchemaOutputFormat({
    type: "object",
    properties: { places: { type: "array", items: { enum: ["den", "wood"] }, maxItems: 2 } },
    required: ["places"],
    additionalProperties: false,
  } as const);
  const request = { model, max_tokens: 400, messages: [question], output_config: { format } };
  const message = await client.messages.parse(request);
  expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
  expect(message.parsed_output?.places.every((place) => ["den", "wood"].includes(place))).toBe(true);
  const refused = client.messages.create({
    ...request,
    output_config: { format: { type: "json_schema", schema: { type: "object", not: {} } } },
  });
  await expect(refused).rejects.toThrow(/output_config\.format.*not/);
});

test("a stop sequence and the length are told apart", async () => {
  for (const message of await ask({ stop_sequences: ["den", "dog"] })) {
    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "den" });
    expect(message.content.at(-1)).toMatchObject({ type: "text", text: "In a " });
  }
  for (const message of await ask({ max_tokens: 2 })) {
    expect(message).toMatchObject({ stop_reason: "max_tokens", usage: { output_tokens: 2 } });
  }
});

test("the Anthropic client counts tokens", async () => {
  const { input_tokens: count } = await client.messages.countTokens({ model, messages: [question] });
  const [{ usage }] = await ask({});
  expect(count).toBe(usage.input_tokens);
});

test("the Anthropic client knows the errors", async () => {
  const unknown = client.messages.create({ model: "other", max_tokens: 1, messages: [question] });
  await expect(unknown).rejects.toThrow(NotFoundError);
  const tooLong = client.messages.create({ model, max_tokens: 20_000, messages: [question] });
  await expect(tooLong).rejects.toThrow(BadRequestError);
  await expect(tooLong).rejects.toMatchObject({ requestID: expect.stringMatching(/^req_/) as string });
});

test("the AI SDK runs the tool in its loop, whole and as a stream", async () => {
  const provider = createAnthropic({ baseURL: `${daemon.url}/v1`, apiKey: "none" });
  const options = {
    model: provider(model),
    prompt: question.content,
    temperature: 0,
    maxOutputTokens: 64,
    maxRetries: 0,
    stopWhen: stepCountIs(3),
    tools: {
      look: tool({
        inputSchema: jsonSchema<{ place: string }>(lookParameters),
        execute: async ({ place }) => `fur in the ${place}`,
      }),
    },
  };
  const whole = await generateText(options);
  const streamed = streamText(options);
  expect(await streamed.text).toBe("A fox sleeps.");
  for (const steps of [whole.steps, await streamed.steps]) {
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(steps[0]?.toolResults).toMatchObject([{ input: { place: "den" }, output: "fur in the den" }]);
    expect(steps[1]?.text).toBe("A fox sleeps.");
  }
});

test("the AI SDK gets reasoning and text", async () => {
  const provider = createAnthropic({ baseURL: `${daemon.url}/v1`, apiKey: "none" });
  const options = { model: provider(model), prompt: question.content, temperature: 0, maxRetries: 0 };
  const whole = await generateText({ ...options, maxOutputTokens: 64 });
  const streamed = streamText({ ...options, maxOutputTokens: 64 });
  expect([whole.reasoningText, whole.text, whole.finishReason]).toEqual(["Foxes dig.", "In a den.", "stop"]);
  expect([await streamed.reasoningText, await streamed.text]).toEqual(["Foxes dig.", "In a den."]);
});
