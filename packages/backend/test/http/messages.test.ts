import { expect, test } from "vitest";
import {
  createScriptedService,
  type AnswerScript,
  type ScriptedService,
} from "../support/scripted-service.ts";
import { BackendError, EngineRequestError } from "../../src/errors.ts";
import { modelId } from "./fake-engine.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/messages";
const messages = [{ role: "user", content: "Where is the fox?" }];
const template = "{% for tool in tools %}<tool_call>{% endfor %}{% if enable_thinking %}<think>{% endif %}";
const look = {
  name: "look",
  description: "Looks around.",
  input_schema: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
};
const tools = [look];
const caller = { type: "direct" };
const callId = expect.stringMatching(/^call_[0-9a-f]{24}$/) as string;

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

interface Started extends AsyncDisposable, ScriptedService {
  readonly base: { readonly model: string; readonly messages: unknown; readonly max_tokens: number };
  readonly post: TestServer["post"];
}

async function start(script: Partial<AnswerScript> = {}): Promise<Started> {
  const scripted = await createScriptedService({ template, answers: [["Hi."]], ...script });
  const server = await startServer({}, { service: scripted.service });
  return {
    ...scripted,
    base: { model: scripted.modelId, messages, max_tokens: 64 },
    post: async (url, body) => server.post(url, body),
    [Symbol.asyncDispose]: async () => server.close(),
  };
}

interface Event {
  readonly name: string | undefined;
  readonly data: Record<string, unknown>;
}

function readEvents(text: string): Event[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "" && !event.startsWith(":"))
    .map((event) => {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(event);
      return { name: found?.[1], data: JSON.parse(found?.[2] ?? "{}") as Record<string, unknown> };
    });
}

test("a message has its reasoning, its text and its calls as blocks", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const response = await server.post(path, { ...server.base, tools });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    id: expect.stringMatching(/^msg_/) as string,
    type: "message",
    role: "assistant",
    model: server.modelId,
    content: [
      { type: "thinking", thinking: "It may be near.", signature: "" },
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: callId, name: "look", input: { place: "den" }, caller },
      { type: "tool_use", id: callId, name: "look", input: {}, caller },
    ],
    stop_reason: "tool_use",
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: {
      input_tokens: expect.any(Number) as number,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: answer.length,
      output_tokens_details: { thinking_tokens: 3 },
      server_tool_use: null,
      cache_creation: null,
      inference_geo: null,
      service_tier: "standard",
      speed: null,
    },
  });
});

test("a stream has the events of each block in order, and its end with the usage", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const response = await server.post(path, { ...server.base, tools, stream: true });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = readEvents(await response.text());
  expect(events.every(({ name, data }) => name === data["type"])).toBe(true);
  expect(events[0]?.data).toMatchObject({
    message: {
      type: "message",
      role: "assistant",
      content: [],
      stop_reason: null,
      usage: { output_tokens: 0 },
    },
  });
  expect(
    events.map(({ data: { type, index, delta, content_block: block } }) => [type, index, delta ?? block]),
  ).toEqual([
    ["message_start", undefined, undefined],
    ["ping", undefined, undefined],
    ["content_block_start", 0, { type: "thinking", thinking: "", signature: "" }],
    ["content_block_delta", 0, { type: "thinking_delta", thinking: "It may" }],
    ["content_block_delta", 0, { type: "thinking_delta", thinking: " be near." }],
    ["content_block_delta", 0, { type: "signature_delta", signature: "" }],
    ["content_block_stop", 0, undefined],
    ["content_block_start", 1, { type: "text", text: "" }],
    ["content_block_delta", 1, { type: "text_delta", text: "Let me" }],
    ["content_block_delta", 1, { type: "text_delta", text: " look." }],
    ["content_block_stop", 1, undefined],
    ["content_block_start", 2, { type: "tool_use", id: callId, name: "look", input: {}, caller }],
    ["content_block_delta", 2, { type: "input_json_delta", partial_json: '{"pla' }],
    ["content_block_delta", 2, { type: "input_json_delta", partial_json: 'ce": "den"}' }],
    ["content_block_stop", 2, undefined],
    ["content_block_start", 3, { type: "tool_use", id: callId, name: "look", input: {}, caller }],
    ["content_block_delta", 3, { type: "input_json_delta", partial_json: "{}" }],
    ["content_block_stop", 3, undefined],
    ["message_delta", undefined, { stop_reason: "tool_use", stop_sequence: null }],
    ["message_stop", undefined, undefined],
  ]);
  expect(events.at(-2)?.data).toMatchObject({ usage: { output_tokens: answer.length } });
});

test("a message that is cut off ends with max_tokens, and a call within it keeps its text", async () => {
  await using server = await start({
    answers: [["<tool_call>", '{"name": "look", "arguments": {"pla', "ce"]],
    specialTokens,
    finishReason: "length",
  });
  const response = await server.post(path, { ...server.base, tools });
  expect(await response.json()).toMatchObject({
    content: [{ type: "tool_use", name: "look", input: { INVALID_JSON: '{"place' } }],
    stop_reason: "max_tokens",
  });
});

test("the chat template gets the system's text, calls, results and tools", async () => {
  await using server = await start();
  const response = await server.post(path, {
    ...server.base,
    system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
    tools,
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
    thinking: { type: "enabled", budget_tokens: 1024 },
    metadata: { user_id: "u" },
    messages: [
      ...messages,
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "" },
          { type: "text", text: "Let me look.", citations: null },
          { type: "tool_use", id: "call_1", name: "look", input: { place: "den" }, caller },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "fur" }] },
          { type: "text", text: "Well?" },
        ],
      },
      { role: "user", content: "Where?" },
    ],
  });
  expect(response.status).toBe(200);
  expect(server.prompts).toEqual([
    {
      kind: "chat",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Where is the fox?" },
        {
          role: "assistant",
          content: "Let me look.",
          reasoning_content: "Hm.",
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "look", arguments: '{"place":"den"}' } },
          ],
        },
        { role: "tool", name: "look", content: "fur", tool_call_id: "call_1" },
        { role: "user", content: "Well?\nWhere?" },
      ],
      options: {
        addGenerationPrompt: true,
        continueFinalMessage: false,
        readsToolArguments: true,
        toolsJson: JSON.stringify([
          {
            type: "function",
            function: { name: "look", description: "Looks around.", parameters: look.input_schema },
          },
        ]),
        variables: { enable_thinking: true },
      },
    },
  ]);
});

test("a final message of the assistant is continued", async () => {
  await using server = await start();
  const continued = [...messages, { role: "assistant", content: "In a" }];
  expect((await server.post(path, { ...server.base, messages: continued })).status).toBe(200);
  expect(server.prompts).toMatchObject([
    { options: { addGenerationPrompt: false, continueFinalMessage: true } },
  ]);
});

test("tokens are counted as a message would have them", async () => {
  await using server = await start();
  const { max_tokens: _, ...counted } = server.base;
  const count = await server.post(`${path}/count_tokens`, { ...counted, system: "Be brief." });
  const whole = await server.post(path, { ...server.base, system: "Be brief." });
  const { usage } = (await whole.json()) as { usage: { input_tokens: number } };
  expect(await count.json()).toEqual({ input_tokens: usage.input_tokens });
  expect(usage.input_tokens).toBeGreaterThan(0);
});

const jsonFormat = { type: "json_schema", schema: { type: "object" } };
const image = { type: "image", source: { type: "url", url: "http://x.invalid/a.png" } };

test.each([
  ["max_tokens", { max_tokens: undefined }, /`max_tokens`/],
  ["an image", { messages: [{ role: "user", content: [image] }] }, /`messages\[0\]\.content\[0\]`.*"text"/],
  ["a call that no tool is for", { tool_choice: { type: "any" } }, /`tool_choice\.type`/],
  [
    "a call of a tool that is not there",
    { tools, tool_choice: { type: "tool", name: "none" } },
    /`tool_choice\.name`/,
  ],
  [
    "a tool of Anthropic's servers",
    { tools: [{ type: "web_search_20250305", name: "w" }] },
    /`tools\[0\]\.type`/,
  ],
  [
    "a tool that is loaded later",
    { tools: [{ ...look, defer_loading: true }] },
    /`tools\[0\]\.defer_loading`/,
  ],
  [
    "a caller that is code",
    { tools: [{ ...look, allowed_callers: ["code"] }] },
    /`tools\[0\]\.allowed_callers/,
  ],
  ["another output", { output_config: { format: { type: "text" } } }, /`output_config\.format\.type`/],
  ["an effort without effect", { output_config: { effort: "high" } }, /`output_config\.effort`/],
  [
    "two names of one format",
    { output_config: { format: jsonFormat }, output_format: jsonFormat },
    /`output_format`/,
  ],
  ["a speed that there is not", { speed: "fast" }, /`speed`/],
  ["an unknown field", { max_token: 1 }, /`max_token`/],
  ["a parameter that is not supported", { container: "c" }, /`container`/],
  [
    "the result of a call that is not there",
    { messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "x" }] }] },
    /`messages\[0\]\.content\[0\]\.tool_use_id`/,
  ],
  [
    "a final call",
    {
      messages: [
        ...messages,
        { role: "assistant", content: [{ type: "tool_use", id: "x", name: "look", input: {} }] },
      ],
    },
    /`messages\[1\]\.content\[0\]`/,
  ],
])("refuses %s by name, in Anthropic's form", async (_, fields, message) => {
  await using server = await start();
  const response = await server.post(path, { ...server.base, ...fields });
  expect(response.status).toBe(400);
  const requestId = response.headers.get("request-id");
  expect(requestId).toBe(response.headers.get("x-request-id"));
  expect(await response.json()).toEqual({
    type: "error",
    error: { type: "invalid_request_error", message: expect.stringMatching(message) as string },
    request_id: requestId,
  });
});

test("thinking that the model has no switch for is refused where it would have an effect", async () => {
  await using server = await start({ template: "{{ messages }}<tool_call>" });
  const refused = await server.post(path, {
    ...server.base,
    thinking: { type: "enabled", budget_tokens: 1 },
  });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    error: { message: expect.stringContaining("`thinking`") as string },
  });
  expect((await server.post(path, { ...server.base, thinking: { type: "disabled" } })).status).toBe(200);
});

test("what asks for nothing is taken", async () => {
  await using server = await start();
  const plain = { ...look, type: null, strict: false, allowed_callers: ["direct"], defer_loading: false };
  const response = await server.post(path, {
    ...server.base,
    tools: [{ ...plain, input_examples: [{ place: "den" }], cache_control: { type: "ephemeral" } }],
    output_config: { effort: null, format: null },
    cache_control: { type: "ephemeral" },
    container: null,
    inference_geo: null,
    speed: "standard",
    metadata: { user_id: "u" },
    service_tier: "auto",
  });
  expect([response.status, await response.json()]).toMatchObject([200, { type: "message" }]);
});

test("blocks of thinking are empty where it is to be omitted", async () => {
  await using server = await start({ answers: [answer], specialTokens });
  const thinking = { type: "adaptive", display: "omitted" };
  const whole = await server.post(path, { ...server.base, tools, thinking });
  const { content } = (await whole.json()) as { content: readonly unknown[] };
  expect(content.slice(0, 2)).toMatchObject([
    { type: "thinking", thinking: "" },
    { type: "text", text: "Let me look." },
  ]);
  const streamed = await server.post(path, { ...server.base, tools, thinking, stream: true });
  const deltas = readEvents(await streamed.text()).map(({ data }) => JSON.stringify(data["delta"]));
  expect(deltas.filter((delta) => delta?.includes("thinking_delta"))).toEqual([]);
});

test("a system message in the midst of a conversation stays where it is", async () => {
  await using server = await start();
  const text = { type: "text", text: "Be brief." };
  await server.post(path, { ...server.base, messages: [...messages, { role: "system", content: [text] }] });
  expect(server.prompts).toMatchObject([
    { messages: [...messages, { role: "system", content: "Be brief." }] },
  ]);
});

test("other errors have Anthropic's types", async () => {
  await using server = await start();
  const unknown = await server.post(path, { ...server.base, model: "other" });
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { type: "not_found_error" } }]);
  const wrongBody = await server.post(path, "{");
  expect([wrongBody.status, await wrongBody.json()]).toMatchObject([
    400,
    { type: "error", error: { type: "invalid_request_error" } },
  ]);
});

test("a failure in mid-stream is the last event, named error", async () => {
  await using server = await startServer();
  server.engine.failAfter = { deltaCount: 2, error: new BackendError("ENGINE_CRASHED", "x") };
  const response = await server.post(path, { model: modelId, messages, max_tokens: 64, stream: true });
  expect(response.status).toBe(200);
  const events = readEvents(await response.text());
  expect(events.at(-1)).toEqual({
    name: "error",
    data: {
      type: "error",
      error: { type: "api_error", message: expect.any(String) as string },
      request_id: response.headers.get("x-request-id"),
    },
  });
  expect(events.map(({ name }) => name)).not.toContain("message_stop");
});

test("a full queue is a rate limit, an engine that is not there an overload", async () => {
  await using server = await startServer();
  const ask = async (): Promise<readonly unknown[]> => {
    const response = await server.post(path, { model: modelId, messages, max_tokens: 4 });
    return [response.status, await response.json()];
  };
  server.engine.refuseWith = new EngineRequestError({ code: "QUEUE_FULL", message: "full" });
  expect(await ask()).toMatchObject([429, { error: { type: "rate_limit_error" } }]);
  server.engine.refuseWith = undefined;
  server.engine.state = "restarting";
  expect(await ask()).toMatchObject([503, { error: { type: "overloaded_error" } }]);
});
