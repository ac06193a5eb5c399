import type OpenAI from "openai";
import { expect, test } from "vitest";
import {
  createScriptedService,
  type AnswerScript,
  type ScriptedService,
} from "../support/scripted-service.ts";
import { readChunks } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user" as const, content: "Where is the fox?" }];
const template = "{% for tool in tools %}<tool_call>{% endfor %}{% if enable_thinking %}<think>{% endif %}";
const look: OpenAI.ChatCompletionFunctionTool = {
  type: "function",
  function: {
    name: "look",
    description: "Looks around.",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
};
const tools = [look];
const callId = expect.stringMatching(/^call_[0-9a-f]{24}$/) as string;

interface Started extends AsyncDisposable, Pick<TestServer, "client" | "post">, ScriptedService {}

async function start(script: Partial<AnswerScript>): Promise<Started> {
  const scripted = await createScriptedService({ template, answers: [[]], ...script });
  const server = await startServer({}, { service: scripted.service });
  return {
    ...scripted,
    client: server.client,
    post: async (url, body) => server.post(url, body),
    [Symbol.asyncDispose]: async () => server.close(),
  };
}

/** A thought, a text and two calls. */
const answer = [
  "<think>",
  "\nIt may",
  " be near.",
  "\n",
  "</think>",
  "\n\nLet me",
  " look.\n",
  "<tool_call>",
  '\n{"name": "lo',
  'ok", "arguments": {"pla',
  'ce": "den"}}',
  "\n",
  "</tool_call>",
  "\n",
  "<tool_call>",
  '{"name": "look"}',
  "</tool_call>",
];
const specialTokens = ["<think>", "<tool_call>"];

test("an answer has its reasoning, its content and its calls apart, and says that it calls", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const response = await server.post(path, { model: server.modelId, messages, tools });
  expect(response.status).toBe(200);
  const { choices, usage } = (await response.json()) as OpenAI.ChatCompletion;
  expect(choices).toEqual([
    {
      index: 0,
      message: {
        role: "assistant",
        content: "Let me look.",
        refusal: null,
        reasoning_content: "It may be near.",
        reasoning: "It may be near.",
        tool_calls: [
          { id: callId, type: "function", function: { name: "look", arguments: '{"place": "den"}' } },
          { id: callId, type: "function", function: { name: "look", arguments: "{}" } },
        ],
      },
      logprobs: null,
      finish_reason: "tool_calls",
    },
  ]);
  expect(usage).toMatchObject({
    completion_tokens: answer.length,
    completion_tokens_details: { reasoning_tokens: 3 },
  });
});

test("a stream has a delta for each piece: the whole name first, then the arguments in parts", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const body = {
    model: server.modelId,
    messages,
    tools,
    stream: true,
    stream_options: { include_usage: true },
  };
  const chunks = readChunks(await (await server.post(path, body)).text());
  const deltas = chunks.flatMap(({ choices }) => choices.map((choice) => choice.delta));
  expect(deltas).toEqual([
    { role: "assistant", content: "" },
    { reasoning_content: "It may", reasoning: "It may" },
    { reasoning_content: " be near.", reasoning: " be near." },
    { content: "Let me" },
    { content: " look." },
    { tool_calls: [{ index: 0, id: callId, type: "function", function: { name: "look", arguments: "" } }] },
    { tool_calls: [{ index: 0, function: { arguments: '{"pla' } }] },
    { tool_calls: [{ index: 0, function: { arguments: 'ce": "den"}' } }] },
    { tool_calls: [{ index: 1, id: callId, type: "function", function: { name: "look", arguments: "" } }] },
    { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
    {},
  ]);
  const reasons = chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason));
  expect(reasons.filter((reason) => reason !== null)).toEqual(["tool_calls"]);
  expect(reasons.at(-1)).toBe("tool_calls");
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens_details: { reasoning_tokens: 3 } });
});

test("the openai client adds a stream up to the answer that is not streamed", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const request = { model: server.modelId, messages, tools };
  const whole = (await server.client.chat.completions.create(request)).choices[0]?.message;
  const streamed = await server.client.chat.completions.stream(request).finalMessage();
  const calls = (message: OpenAI.ChatCompletionMessage | undefined) =>
    message?.tool_calls?.map((each) => each.type === "function" && each.function);
  expect(streamed.content).toBe(whole?.content);
  expect(calls(streamed)?.map((each) => each && { name: each.name, arguments: each.arguments })).toEqual(
    calls(whole),
  );
  expect(calls(whole)).toHaveLength(2);
});

test("the openai client runs a tool, and sends its result back with the call that it answers", async () => {
  const turns = ['<tool_call>{"name":"look","arguments":{"place":"den"}}</tool_call>'];
  await using server = await start({ answers: [turns] });
  const asked: unknown[] = [];
  const runner = server.client.chat.completions.runTools(
    {
      model: server.modelId,
      messages,
      tools: [
        {
          type: "function",
          function: {
            name: "look",
            description: "Looks around.",
            parameters: { type: "object", properties: {} },
            parse: JSON.parse,
            function: (input: unknown) => {
              asked.push(input);
              return "a fox";
            },
          },
        },
      ],
    },
    { maxChatCompletions: 3 },
  );
  await runner.done();
  expect(asked).toEqual([{ place: "den" }, { place: "den" }, { place: "den" }]);
  const last = server.prompts.at(-1);
  expect(last?.kind === "chat" && last.messages.slice(-2)).toEqual([
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: callId, type: "function", function: { name: "look", arguments: '{"place":"den"}' } },
      ],
    },
    { role: "tool", content: "a fox", tool_call_id: callId },
  ]);
});

test("the template gets the tools as the client wrote them", async () => {
  await using server = await start({ answers: [["ok"]] });
  const toolsJson =
    '[ {"type":"function", "function":{"name":"look","parameters":{"2":1.0,"1":12345678901234567890}}} ]';
  const body = `{"model":"${server.modelId}","messages":${JSON.stringify(messages)},"tools":${toolsJson}}`;
  expect((await server.post(path, body)).status).toBe(200);
  const prompt = server.prompts.at(-1);
  expect(prompt?.kind === "chat" && prompt.options?.toolsJson).toBe(toolsJson);
});

test("the tokens of a conversation with tools are those of its prompt", async () => {
  await using server = await start({ answers: [["ok"]] });
  expect((await server.post("/tokenize", { messages, tools })).status).toBe(200);
  const prompt = server.prompts.at(-1);
  expect(prompt?.kind === "chat" && prompt.options?.toolsJson).toBe(JSON.stringify(tools));
  const response = await server.post("/tokenize", { prompt: "a", tools });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "tools", code: "invalid_value" } });
});

test("with tool_choice none the tools are not shown and nothing is taken for a call", async () => {
  await using server = await start({ answers: [['<tool_call>{"name":"look"}</tool_call>']] });
  const body = { model: server.modelId, messages, tools, tool_choice: "none" };
  const { choices } = (await (await server.post(path, body)).json()) as OpenAI.ChatCompletion;
  expect(choices[0]).toMatchObject({
    message: { content: '<tool_call>{"name":"look"}</tool_call>' },
    finish_reason: "stop",
  });
  expect(choices[0]?.message).not.toHaveProperty("tool_calls");
  const prompt = server.prompts.at(-1);
  expect(prompt?.kind === "chat" && prompt.options).not.toHaveProperty("toolsJson");
});

test("marks of calls that are not looked for are left out of the text, as other special tokens", async () => {
  await using server = await start({ answers: [["a", "<tool_call>", "b"]], specialTokens });
  const { choices } = await server.client.chat.completions.create({ model: server.modelId, messages });
  expect(choices[0]?.message.content).toBe("ab");
});

test("without parallel calls the first one of an answer is taken", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const request = { model: server.modelId, messages, tools, parallel_tool_calls: false };
  const { choices } = await server.client.chat.completions.create(request);
  expect(choices[0]?.message.tool_calls).toHaveLength(1);
  const streamed = await server.client.chat.completions.stream(request).finalMessage();
  expect(streamed.tool_calls).toHaveLength(1);
});

test("an answer that is cut off says so, and keeps what there is of the call", async () => {
  const cut = ['<tool_call>{"name": "look", "arguments": {"place": "d'];
  await using server = await start({ answers: [cut], finishReason: "length" });
  const { choices } = await server.client.chat.completions.create({ model: server.modelId, messages, tools });
  expect(choices[0]).toMatchObject({
    message: { content: null, tool_calls: [{ function: { name: "look", arguments: '{"place": "d' } }] },
    finish_reason: "length",
  });
});

test("several answers have calls of their own, and log-probabilities of all tokens", async () => {
  const second = ["I ", "see."];
  await using server = await start({ answers: [answer, second], specialTokens });
  const request = { model: server.modelId, messages, tools, n: 2, logprobs: true };
  const whole = await server.client.chat.completions.create(request);
  expect(whole.choices.map(({ finish_reason: reason }) => reason)).toEqual(["tool_calls", "stop"]);
  const tokens = whole.choices.map(({ logprobs }) => logprobs?.content?.map(({ token }) => token));
  expect(tokens).toEqual([answer, second]);
  const chunks = readChunks(await (await server.post(path, { ...request, stream: true })).text());
  const streamed: string[][] = [[], []];
  for (const { choices } of chunks) {
    for (const { index, logprobs } of choices) {
      const { content } = (logprobs ?? { content: [] }) as {
        readonly content: readonly { readonly token: string }[];
      };
      streamed[index]?.push(...content.map(({ token }) => token));
    }
  }
  expect(streamed).toEqual([answer, second]);
});

test("a prompt that ends within reasoning begins the answer there", async () => {
  await using server = await start({ promptTail: "<think>", answers: [["It is", "</think>", "\nHere."]] });
  const { choices, usage } = await server.client.chat.completions.create({ model: server.modelId, messages });
  expect(choices[0]?.message).toMatchObject({ reasoning_content: "It is", content: "Here." });
  expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(1);
});

test("reasoning is left out where it is not wanted, and counted all the same", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const body = { model: server.modelId, messages, include_reasoning: false };
  const whole = (await (await server.post(path, body)).json()) as OpenAI.ChatCompletion;
  expect(whole.choices[0]?.message).not.toHaveProperty("reasoning_content");
  expect(whole.usage?.completion_tokens_details?.reasoning_tokens).toBe(3);
  const text = await (await server.post(path, { ...body, stream: true })).text();
  expect(text).not.toContain("reasoning");
});

test("an effort sets what the template reads, and is refused where it would do nothing", async () => {
  const optionsOf = async (own: string, effort: string): Promise<unknown> => {
    await using server = await start({ template: own, answers: [["ok"]] });
    const response = await server.post(path, { model: server.modelId, messages, reasoning_effort: effort });
    const prompt = server.prompts.at(-1);
    if (response.status !== 200) return ((await response.json()) as { error: unknown }).error;
    return prompt?.kind === "chat" && prompt.options?.variables;
  };
  expect(await optionsOf("{{ reasoning_effort }}", "low")).toEqual({ reasoning_effort: "low" });
  expect(await optionsOf("{{ enable_thinking }}", "none")).toEqual({ enable_thinking: false });
  expect(await optionsOf("plain", "none")).toBeUndefined();
  const refused = { code: "unsupported_parameter", param: "reasoning_effort" };
  expect(await optionsOf("<think>", "none")).toMatchObject(refused);
  expect(await optionsOf("{{ enable_thinking }}", "low")).toMatchObject({
    ...refused,
    message: expect.stringContaining("`enable_thinking`"),
  });
});

const named = (name: string): unknown => ({ type: "function", function: { name } });

test("a budget of reasoning needs a model that reasons", async () => {
  await using server = await start({ template: "{{ tools }}<tool_call>" });
  const body = { model: server.modelId, messages, thinking_budget_tokens: 8 };
  const response = await server.post(path, body);
  expect(response.status).toBe(400);
  const error = { param: "thinking_token_budget", code: "unsupported_parameter" };
  expect(await response.json()).toMatchObject({ error });
});

const refused: readonly (readonly [name: string, value: unknown, param: string, code: string])[] = [
  ["tools", [named("look"), named("look")], "tools[1].function.name", "invalid_value"],
  ["tools", [named("")], "tools[0].function.name", "invalid_value"],
  ["tools", [named("a b")], "tools[0].function.name", "invalid_value"],
  ["tools", [named("x".repeat(129))], "tools[0].function.name", "invalid_value"],
  ["tools", [{ type: "function", function: {} }], "tools[0].function.name", "missing_required_parameter"],
  ["tools", [{ type: "web_search" }], "tools[0].type", "invalid_value"],
  [
    "tools",
    [{ type: "function", function: { name: "f", parameters: [] } }],
    "tools[0].function.parameters",
    "invalid_type",
  ],
  [
    "tools",
    [{ type: "function", function: { name: "f", strict: "yes" } }],
    "tools[0].function.strict",
    "invalid_type",
  ],
  ["tools", {}, "tools", "invalid_type"],
  ["tool_choice", named("none"), "tool_choice.function.name", "invalid_value"],
  [
    "tool_choice",
    { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [named("look"), named("none")] } },
    "tool_choice.allowed_tools.tools[1].function.name",
    "invalid_value",
  ],
  ["tool_choice", "always", "tool_choice", "invalid_value"],
  ["parallel_tool_calls", "no", "parallel_tool_calls", "invalid_type"],
  ["thinking_token_budget", -2, "thinking_token_budget", "invalid_value"],
  ["reasoning_effort", "huge", "reasoning_effort", "invalid_value"],
  ["functions", [{ name: "f" }], "functions", "unsupported_parameter"],
  ["function_call", { name: "f" }, "function_call", "unsupported_parameter"],
];

test.each(refused.map(([name, value, param, code]) => ({ name, value, error: { param, code } })))(
  "refuses $name: $value by name",
  async ({ name, value, error }) => {
    await using server = await start({});
    const response = await server.post(path, { model: server.modelId, messages, tools, [name]: value });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error });
  },
);

test("a result must be of a call before it", async () => {
  await using server = await start({});
  const call = { id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
  const history = [
    ...messages,
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "call_2", content: "a fox" },
  ];
  const response = await server.post(path, { model: server.modelId, messages: history });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "messages[2].tool_call_id" } });
});

test.each([
  ["a template that shows no tools", { template: "<tool_call>" }, /does not show tools/],
  ["no parser", { toolParser: "none" }, /model\.toolParser/],
])("refuses tools for %s", async (_, script, message) => {
  await using server = await start(script);
  const response = await server.post(path, { model: server.modelId, messages, tools });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { param: "tools", code: "unsupported_parameter", message: expect.stringMatching(message) },
  });
});
