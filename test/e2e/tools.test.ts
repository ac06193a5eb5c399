import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lookingTemplate, lookParameters, lookRecital, thinkRecital } from "./support/looking-model.ts";
import { makeRecitingModel, type RecitingModel } from "./support/make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "reciting";
const question = { role: "user" as const, content: "Where is the fox?" };
/** With tools the model looks, and after what it saw it answers; without them it thinks aloud. */
const template = lookingTemplate("{%- else -%}<|plain|><think>");

let reciting: RecitingModel;
let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  reciting = await makeRecitingModel({
    template,
    specialTokens: ["<think>", "<tool_call>", "</tool_call>", "<|noise|>"],
    recitals: [lookRecital, { cue: "<|after|>", tokens: ["A fox ", "<|noise|>", "sleeps."] }, thinkRecital],
  });
  daemon = await startDaemon({ args: ["--model", `${model}=${reciting.directory}`, "--quantize", "none"] });
  client = createClient(daemon.url);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await reciting[Symbol.asyncDispose]();
});

const tools = [{ type: "function" as const, function: { name: "look", parameters: lookParameters } }];

test("the openai client gets a call whose marks are special tokens, whole and as a stream", async () => {
  const request = { model, messages: [question], tools, temperature: 0 };
  const whole = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  for (const { choices } of [whole, streamed]) {
    expect(choices[0]).toMatchObject({
      message: { content: null, tool_calls: [{ function: { name: "look", arguments: '{"place": "den"}' } }] },
      finish_reason: "tool_calls",
    });
  }
});

test("a call that the model begins is completed as its strict schema says", async () => {
  const burrow = { ...lookParameters, properties: { place: { enum: ["burrow", "tree"] } } };
  const strict = [
    { type: "function" as const, function: { name: "look", strict: true, parameters: burrow } },
  ];
  for (const choice of ["auto", "required"] as const) {
    const request = { model, messages: [question], tools: strict, tool_choice: choice, temperature: 0 };
    const { choices } = await client.chat.completions.create({ ...request, parallel_tool_calls: false });
    expect(choices[0]).toMatchObject({
      message: { content: null, tool_calls: [{ function: { name: "look" } }] },
      finish_reason: "tool_calls",
    });
    const [call] = choices[0]?.message.tool_calls ?? [];
    const text = call?.type === "function" ? call.function.arguments : "";
    expect(["burrow", "tree"]).toContain((JSON.parse(text) as { place: string }).place);
  }
});

test("a call is enforced where the model would not call", async () => {
  const history = [question, { role: "tool" as const, tool_call_id: "call_1", content: "fur" }];
  const { choices } = await client.chat.completions.create({
    model,
    messages: history,
    tools,
    tool_choice: { type: "function", function: { name: "look" } },
    temperature: 0,
    max_tokens: 300,
  });
  expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { name: "look" } }]);
});

test("the openai client runs the tool and gets the answer", async () => {
  const places: unknown[] = [];
  const runner = client.chat.completions.runTools({
    model,
    messages: [question],
    temperature: 0,
    stream: true,
    tools: [
      {
        type: "function",
        function: {
          name: "look",
          description: "Looks around.",
          parameters: lookParameters,
          parse: JSON.parse,
          function: (input: unknown) => {
            places.push(input);
            return "fur";
          },
        },
      },
    ],
  });
  expect(await runner.finalContent()).toBe("A fox sleeps.");
  expect(places).toEqual([{ place: "den" }]);
});

test("the AI SDK runs the tool in its loop", async () => {
  const provider = createOpenAICompatible({ name: "infernode", baseURL: `${daemon.url}/v1` });
  const look = tool({
    inputSchema: jsonSchema<{ place: string }>(lookParameters),
    execute: async ({ place }) => `fur in the ${place}`,
  });
  const options = {
    model: provider(model),
    prompt: question.content,
    tools: { look },
    stopWhen: stepCountIs(3),
    temperature: 0,
  };
  const whole = await generateText(options);
  expect(whole.text).toBe("A fox sleeps.");
  expect(whole.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
  expect(whole.steps[0]?.toolCalls[0]).toMatchObject({ toolName: "look", input: { place: "den" } });
  const streamed = streamText(options);
  expect(await streamed.text).toBe("A fox sleeps.");
});

test("LangChain binds the tool and gets a valid call", async () => {
  const chat = new ChatOpenAI({
    model,
    apiKey: "none",
    temperature: 0,
    maxRetries: 0,
    configuration: { baseURL: `${daemon.url}/v1` },
  });
  const bound = chat.bindTools(tools);
  const answer = await bound.invoke([question]);
  const expected = [expect.objectContaining({ name: "look", args: { place: "den" } })];
  expect(answer.tool_calls).toEqual(expected);
  expect(answer.invalid_tool_calls).toEqual([]);
  let sum = undefined as Awaited<ReturnType<typeof bound.invoke>> | undefined;
  for await (const chunk of await bound.stream([question])) {
    sum = sum === undefined ? chunk : sum.concat(chunk);
  }
  expect(sum?.tool_calls).toEqual(expected);
});

test("reasoning that the prompt opens is apart from the content, and counted", async () => {
  const { choices, usage } = await client.chat.completions.create({
    model,
    messages: [question],
    temperature: 0,
  });
  expect(choices[0]?.message).toMatchObject({ reasoning_content: "Foxes dig.", content: "In a den." });
  expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(2);
  const provider = createOpenAICompatible({ name: "infernode", baseURL: `${daemon.url}/v1` });
  const streamed = streamText({ model: provider(model), prompt: question.content, temperature: 0 });
  expect(await streamed.reasoningText).toBe("Foxes dig.");
  expect(await streamed.text).toBe("In a den.");
});

/** The client's types do not have it. */
function reasoningOf(part: object | undefined): string | undefined {
  const { reasoning_content: text }: { reasoning_content?: string } = part ?? {};
  return text;
}

test.each([
  { fields: { thinking_token_budget: 0 }, reasoning: undefined, count: 0 },
  { fields: { thinking_token_budget: 1 }, reasoning: "Foxes", count: 1 },
  { fields: { thinking_budget_tokens: 2 }, reasoning: "Foxes dig.", count: 2 },
  { fields: { thinking_token_budget: 9 }, reasoning: "Foxes dig.", count: 2 },
  { fields: { thinking_token_budget: -1 }, reasoning: "Foxes dig.", count: 2 },
])("reasoning ends at its budget: $fields", async ({ fields, reasoning, count }) => {
  const request = { model, messages: [question], temperature: 0, ...fields };
  const whole = await client.chat.completions.create(request);
  expect(whole.choices[0]?.message).toMatchObject({ content: "In a den." });
  expect(reasoningOf(whole.choices[0]?.message)).toBe(reasoning);
  expect(whole.usage?.completion_tokens_details?.reasoning_tokens).toBe(count);

  let streamed = "";
  for await (const { choices, usage } of await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  })) {
    streamed += reasoningOf(choices[0]?.delta) ?? "";
    if (usage) expect(usage.completion_tokens_details?.reasoning_tokens).toBe(count);
  }
  expect(streamed).toBe(reasoning ?? "");
});

test("a budget holds whatever else the request says, and beside a schema", async () => {
  const request = { model, messages: [question], max_tokens: 64, thinking_token_budget: 1 };
  const banned = { ...request, temperature: 0, bad_words: ["</think>"] };
  const { choices } = await client.chat.completions.create(banned);
  expect(choices[0]?.message.content).toBe("In a den.");
  const json = await client.chat.completions.create({
    ...request,
    temperature: 2,
    n: 4,
    response_format: { type: "json_schema", json_schema: { name: "one", schema: { enum: ["fox", 17] } } },
  });
  for (const { message } of json.choices) expect(["fox", 17]).toContain(JSON.parse(message.content ?? ""));
  expect(json.usage?.completion_tokens_details?.reasoning_tokens).toBeLessThanOrEqual(4);
  const both = { ...request, thinking_budget_tokens: 2 };
  await expect(client.chat.completions.create(both)).rejects.toMatchObject({
    status: 400,
    param: "thinking_budget_tokens",
  });
});

test("special tokens are in the text where they are asked for", async () => {
  const history = [question, { role: "tool" as const, tool_call_id: "call_1", content: "fur" }];
  const body = { model, messages: history, temperature: 0, skip_special_tokens: false };
  const { choices } = await client.chat.completions.create(body);
  expect(choices[0]?.message.content).toBe("A fox <|noise|>sleeps.");
});
