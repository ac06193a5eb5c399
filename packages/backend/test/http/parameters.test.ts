import { afterAll, beforeAll, expect, test } from "vitest";
import { modelId } from "./fake-engine.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "hi" }];
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => server.close());

async function refuse(
  body: unknown,
): Promise<{ message: string; type: string; param: string | null; code: string }> {
  const response = await server.post(path, body);
  expect(response.status).toBe(400);
  const answer = (await response.json()) as {
    error: { message: string; type: string; param: string; code: string };
  };
  expect(Object.keys(answer)).toEqual(["error"]);
  expect(Object.keys(answer.error)).toEqual(["message", "type", "param", "code"]);
  expect(answer.error.type).toBe("invalid_request_error");
  return answer.error;
}

const outOfRange: readonly (readonly [string, unknown, string?])[] = [
  ["temperature", 2.1],
  ["temperature", -0.1],
  ["temperature", "1"],
  ["temperature", [1]],
  ["top_p", 0],
  ["top_p", 1.01],
  ["top_k", -2],
  ["top_k", 1.5],
  ["min_p", 1.1],
  ["seed", 1.5],
  ["seed", 2 ** 64],
  ["seed", -(2 ** 64)],
  ["seed", "1"],
  ["presence_penalty", 2.5],
  ["frequency_penalty", -2.5],
  ["repetition_penalty", 0],
  ["repetition_penalty", 1e-40],
  ["repetition_penalty", 101],
  ["stop", ""],
  ["stop", 5],
  ["stop", ["ok", ""], "stop[1]"],
  ["stop", Array.from({ length: 17 }, () => "x")],
  ["stop", Array.from({ length: 10_000 }, (_, index) => String(index))],
  ["stop", "x".repeat(1025)],
  ["stop_token_ids", [-1], "stop_token_ids[0]"],
  ["stop_token_ids", [1, 1024], "stop_token_ids[1]"],
  ["max_tokens", 0],
  ["max_tokens", 1.5],
  ["max_completion_tokens", -1],
  ["truncate_prompt_tokens", 0],
  ["truncate_prompt_tokens", -2],
  ["truncate_prompt_tokens", 1.5],
  ["response_format", { type: "xml" }, "response_format.type"],
  ["response_format", { type: "json_schema" }, "response_format.json_schema"],
  [
    "response_format",
    { type: "json_schema", json_schema: { name: "x" } },
    "response_format.json_schema.schema",
  ],
  ["structured_outputs", {}],
  ["structured_outputs", { json: {}, regex: "a" }],
  ["structured_outputs", { json: "{" }, "structured_outputs.json"],
  ["structured_outputs", { structural_tag: "{" }, "structured_outputs.structural_tag"],
  ["structured_outputs", { structural_tag: {}, regex: "a" }],
  ["structured_outputs", { structural_tag: 1 }, "structured_outputs.structural_tag"],
  ["response_format", { type: "structural_tag", format: 1 }, "response_format.format"],
  ["response_format", { type: "structural_tag", tags: [] }, "response_format.tags"],
  ["structured_outputs", { choice: [] }, "structured_outputs.choice"],
  ["min_tokens", -1],
  ["n", 0],
  ["n", 129],
  ["n", 1e9],
  ["best_of", 3],
  ["logprobs", 3],
  ["top_logprobs", 21],
  ["top_logprobs", 2],
  ["logit_bias", []],
  ["logit_bias", { "1024": 1 }],
  ["logit_bias", { x: 1 }],
  ["logit_bias", { "-1": 1 }],
  ["logit_bias", { "1": 101 }, "logit_bias.1"],
  ["logit_bias", { "1": "1" }, "logit_bias.1"],
  ["stream", "true"],
  ["stream_options", { include_usage: true }],
  ["stream_options", { include_all: true }, "stream_options.include_all"],
  ["store", true],
  ["service_tier", "flex"],
  ["chat_template_kwargs", { messages: [] }, "chat_template_kwargs.messages"],
  ["ignore_eos", 1],
  ["continue_final_message", "yes"],
];

test.each(outOfRange.map(([name, value, param = name]) => ({ name, value, param })))(
  "rejects $name: $value by name",
  async ({ name, value, param }) => {
    expect(await refuse({ model: modelId, messages, [name]: value })).toMatchObject({ param });
  },
);

test.each([
  ["function_call", { name: "f" }],
  ["functions", [{ name: "f" }]],
  ["guided_json", {}],
  ["guided_choice", ["a"]],
  ["modalities", ["text", "audio"]],
  ["audio", { voice: "x", format: "wav" }],
  ["web_search_options", {}],
  ["use_beam_search", true],
  ["length_penalty", 1.5],
  ["chat_template", "{{ x }}"],
  ["echo", true],
  ["typical_p", 0.5],
  ["dry_multiplier", 1],
  ["grammar", "root ::= x"],
])("rejects %s, which would change the answer and cannot", async (name, value) => {
  const error = await refuse({ model: modelId, messages, [name]: value });
  expect(error).toMatchObject({ param: name, code: "unsupported_parameter" });
  expect(error.message).toContain(`\`${name}\``);
});

test.each([
  ["tools", []],
  ["tool_choice", "none"],
  ["tool_choice", "auto"],
  ["parallel_tool_calls", true],
  ["response_format", { type: "text" }],
  ["modalities", ["text"]],
  ["use_beam_search", false],
  ["length_penalty", 1],
  ["user", "someone"],
  ["metadata", { team: "a" }],
  ["safety_identifier", "x"],
  ["prompt_cache_key", "x"],
  ["priority", 3],
  ["store", false],
  ["service_tier", "default"],
  ["stop", []],
  ["logit_bias", {}],
  ["tools", null],
  ["reasoning_effort", null],
])("takes %s: %j, which asks for nothing", async (name, value) => {
  const response = await server.post(path, { model: modelId, messages, max_tokens: 1, [name]: value });
  expect(response.status).toBe(200);
});

test.each([
  [{ messages }, "model", "missing_required_parameter"],
  [{ model: modelId }, "messages", "missing_required_parameter"],
  [{ model: modelId, messages: [] }, "messages", "invalid_value"],
  [{ model: modelId, messages: "hi" }, "messages", "invalid_type"],
  [{ model: modelId, messages: [{ role: "user" }] }, "messages[0].content", "missing_required_parameter"],
  [{ model: modelId, messages: [{ role: "user", content: null }] }, "messages[0].content", "invalid_value"],
  [
    { model: modelId, messages: [...messages, { role: "bot", content: "x" }] },
    "messages[1].role",
    "invalid_value",
  ],
  [{ model: modelId, messages: [{ content: "x" }] }, "messages[0].role", "missing_required_parameter"],
  [{ model: modelId, messages: [...messages, ...messages, null] }, "messages[2]", "invalid_type"],
  [
    { model: modelId, messages: [{ role: "user", content: "x", tone: 1 }] },
    "messages[0].tone",
    "unknown_parameter",
  ],
])("%j is rejected at %s", async (body, param, code) => {
  expect(await refuse(body)).toMatchObject({ param, code });
});

test.each([
  { type: "image_url", image_url: { url: "data:," } },
  { type: "input_audio", input_audio: { data: "", format: "wav" } },
  { type: "file", file: {} },
])("names the part that is not text", async (part) => {
  const error = await refuse({
    model: modelId,
    messages: [
      ...messages,
      ...messages,
      { role: "user", content: [part, { type: "text", text: "What is it?" }] },
    ],
  });
  expect(error).toMatchObject({ param: "messages[2].content[0]", code: "unsupported_content" });
  expect(error.message).toContain(part.type);
});

test("names an unknown parameter and the one that was probably meant", async () => {
  const error = await refuse({ model: modelId, messages, temprature: 1 });
  expect(error).toMatchObject({ param: "temprature", code: "unknown_parameter" });
  expect(error.message).toContain("`temperature`");
  expect((await refuse({ model: modelId, messages, ["x".repeat(100_000)]: 1 })).message.length).toBeLessThan(
    300,
  );
});

test("says what was expected and what it got", async () => {
  expect((await refuse({ model: modelId, messages, temperature: 3 })).message).toBe(
    "Invalid value for `temperature`: expected a number from 0 to 2, got 3",
  );
  expect(
    (await refuse({ model: modelId, messages, max_tokens: 5, max_completion_tokens: 6 })).message,
  ).toContain("`max_tokens` (5), got 6");
  expect((await refuse({ model: modelId, messages, max_tokens: 5, min_tokens: 6 })).param).toBe("min_tokens");
});

test("another model is 404, and the openai client knows it", async () => {
  const call = server.client.chat.completions.create({
    model: "gpt-5",
    messages: [{ role: "user", content: "hi" }],
  });
  await expect(call).rejects.toMatchObject({
    name: "Error",
    status: 404,
    code: "model_not_found",
    param: "model",
    type: "invalid_request_error",
    requestID: expect.stringMatching(/^req_/),
  });
});
