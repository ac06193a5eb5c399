import type { Plant, SentRequest } from "./planting-server.ts";
import { inErrors, inStreams, inText, instead, inWholes, where, withHeader, withStatus } from "./plants.ts";

type Fits = (request: SentRequest) => boolean;

const has =
  (...names: readonly string[]): Fits =>
  ({ body }) =>
    names.some((name) => body !== undefined && Object.hasOwn(body, name));
const isAt =
  (end: string): Fits =>
  ({ path }) =>
    path.endsWith(end);
const mentions =
  (text: string): Fits =>
  ({ body }) =>
    JSON.stringify(body ?? {}).includes(text);

const first = "choices.0";
const firstCall = "choices.0.message.tool_calls.0";
const ok = (json: unknown): { readonly status: number; readonly text: string } => ({
  status: 200,
  text: JSON.stringify(json),
});
/** Metrics of a server that is idle at first, and goes on computing for those who have left. */
const busyAfterwards = (): Plant => {
  let running = 0;
  return (answer, { path }) => {
    if (path !== "/metrics") return answer;
    const text = `vllm:num_requests_running{model_name="m"} ${running}\n`;
    running = 1;
    return { ...answer, text };
  };
};

/** What a server does wrong, by the case that notices. */
export const plantedDeviations: Readonly<Record<string, () => Plant>> = {
  "transport/content-type": () => withHeader("content-type", "text/plain"),
  "transport/lines": () => inText(/^data: /m, "debug: here\ndata: "),
  "transport/json": () => inText(/^data: \{/m, "data: {{"),
  "transport/done": () => inText(/data: \[DONE\]\n\n/, ""),

  "chunks/object": () => inStreams(["object", "chat.completion"]),
  "chunks/id": () => inText(/"id":"/, '"id":"other-'),
  "chunks/choices": () => inText(/"choices":\[\]/, '"choice":[]'),
  "chunks/role": () => inStreams([`${first}.delta.role`, undefined]),
  "chunks/index": () => inStreams([`${first}.index`, undefined]),
  "chunks/delta": () => inText(/"delta":\{\}/, '"message":{}'),
  "chunks/finish-reason": () => inStreams([`${first}.finish_reason`, null]),
  "chunks/one-finish-reason": () => inText(/"finish_reason":null/, '"finish_reason":"stop"'),
  "chunks/usage": () => inStreams(["usage.total_tokens", 0]),
  "chunks/usage-last": () => inText(/data: \{[^\n]*"choices":\[\][^\n]*\n\n/, ""),
  "chunks/unasked-usage": () => inText(/data: \[DONE\]/, 'data: {"choices":[]}\n\ndata: [DONE]'),
  "chunks/same-text": () => inStreams([`${first}.delta.content`, "a"]),

  "answers/json": () => withHeader("content-type", "text/html"),
  "answers/object": () => inWholes(["object", "completion"]),
  "answers/choices": () => inWholes(["choices", []]),
  "answers/message": () => inWholes([`${first}.message.role`, undefined]),
  "answers/length": () => inWholes([`${first}.finish_reason`, "stop"]),
  "answers/usage": () => inWholes(["usage", undefined]),

  "requests/headers": () => instead(has("stream")),
  "requests/any-key": () => instead(() => true, { status: 401 }),
  "requests/parts": () => instead(mentions('"type":"text"')),
  "requests/developer": () => instead(mentions("developer")),
  "requests/max-completion-tokens": () => instead(has("max_completion_tokens")),
  "requests/no-effect": () => instead(has("store")),
  "requests/null": () => instead(has("seed")),
  "requests/sent-back": () => instead(mentions("assistant")),
  "requests/copied-fields": () => instead(mentions("assistant")),

  "parameters/unknown": () => instead(has("temprature"), ok({})),
  "parameters/n": () => where(has("stream"), inStreams([`${first}.index`, 0])),
  "parameters/logprobs": () => inWholes([`${first}.logprobs.content.*.top_logprobs`, []]),
  "parameters/seed": () => {
    let count = 0;
    return where(has("seed"), (answer, request) =>
      inWholes([`${first}.message.content`, `${(count += 1)}`])(answer, request),
    );
  },
  "parameters/stop": () => where(has("stop"), inWholes([`${first}.finish_reason`, "length"])),

  "errors/status": () => withStatus(422),
  "errors/body": () => inErrors(["error", "wrong"]),
  "errors/code": () => inErrors(["error.code", 400]),
  "errors/json": () => withStatus(500),
  "errors/request-id": () => withHeader("x-request-id"),
  "errors/model": () => inErrors(["error.code", null]),
  "errors/key": () => (answer) => answer,
  "errors/context-length": () => inErrors(["error.message", "too long"]),
  "errors/path": () => instead(isAt("/no/such/path"), { status: 404, text: "<html>" }),

  "tools/required": () => inWholes([`${first}.message.tool_calls`, []]),
  "tools/auto": () => instead(has("tools"), { status: 500 }),
  "tools/named": () => inWholes([`${firstCall}.function.name`, "look"]),
  "tools/none": () => inWholes([`${first}.message`, { role: "assistant", tool_calls: [{}] }]),
  "tools/result": () => instead(mentions("tool_call_id"), { status: 500 }),
  "tools/finish-reason": () => inWholes([`${first}.finish_reason`, "stop"]),
  "tools/id": () => inWholes([`${firstCall}.id`, undefined]),
  "tools/type": () => inWholes([`${firstCall}.type`, undefined]),
  "tools/arguments": () => inWholes([`${firstCall}.function.arguments`, { place: "den" }]),
  "tools/no-arguments": () => inWholes([`${firstCall}.function.arguments`, ""]),
  "tools/one": () => inWholes([`${first}.message.tool_calls`, [{}, {}]]),

  "tool-streams/id": () => inStreams([`${first}.delta.tool_calls.0.id`, undefined]),
  "tool-streams/type": () => inStreams([`${first}.delta.tool_calls.0.type`, undefined]),
  "tool-streams/index": () => inStreams([`${first}.delta.tool_calls.0.index`, undefined]),
  "tool-streams/name": () => inStreams([`${first}.delta.tool_calls.0.function.name`, "lo"]),
  "tool-streams/arguments": () =>
    inStreams([`${first}.delta.tool_calls.0.function.arguments`, { place: "den" }]),
  "tool-streams/finish-reason": () => inText(/"finish_reason":"tool_calls"/, '"finish_reason":"stop"'),

  "structured/json-schema": () => inWholes([`${first}.message.content`, '{"place":"sea","isAsleep":true}']),
  "structured/json-object": () =>
    inWholes([`${first}.message.content`, "[1]"], [`${first}.finish_reason`, "stop"]),
  "structured/cut-off": () => inWholes([`${first}.finish_reason`, "stop"]),
  "structured/unenforceable": () => instead(mentions("$ref"), ok({})),

  "completions/object": () => inWholes([`${first}.text`, undefined]),
  "completions/stream": () => inStreams([`${first}.text`, "a"]),
  "completions/prompts": () => inWholes(["choices.*.index", 0]),
  "completions/token-ids": () => instead(mentions('"prompt":[1'), { status: 500 }),
  "completions/echo": () => inWholes([`${first}.logprobs`, null]),

  "models/list": () => inWholes(["data.0.object", undefined]),
  "models/one": () => inWholes(["object", "list"]),
  "models/unknown": () => withStatus(400),

  "embeddings/float": () => embed(() => [{ index: 0, embedding: "AAAA" }]),
  "embeddings/base64": () =>
    embed(() => [
      { index: 0, embedding: [0.5] },
      { index: 1, embedding: [0.5] },
    ]),
  "embeddings/index": () =>
    embed(() => [
      { index: 0, embedding: [0.5] },
      { index: 0, embedding: [0.5] },
    ]),
  "embeddings/usage": () => instead(isAt("/embeddings"), ok({ data: [] })),

  "tokenize/tokens": () => inWholes(["tokens", []]),
  "tokenize/text": () => inWholes(["prompt", ""]),

  "responses/object": () => inWholes(["object", undefined]),
  "responses/message": () => inWholes(["output.*.content.*.text", undefined]),
  "responses/usage": () => inWholes(["usage", undefined]),
  "responses/incomplete": () => inWholes(["status", "completed"]),
  "responses/call": () => inWholes(["output.*.call_id", undefined]),
  "responses/sent-back": () => instead(mentions("function_call_output")),
  "responses/previous": () =>
    instead(has("store", "previous_response_id"), ok({ id: "resp_1", usage: { input_tokens: 5 } })),
  "responses/schema": () => inWholes(["output.*.content.*.text", '{"place":"sea"}']),

  "response-streams/names": () => inText(/^event: .*\n/gm, ""),
  "response-streams/order": () => inText(/event: response.content_part.added\n.*\n\n/, ""),
  "response-streams/sequence": () => inStreams(["sequence_number", undefined]),
  "response-streams/output-index": () => inStreams(["output_index", undefined]),
  "response-streams/item-id": () => inStreams(["item_id", undefined]),
  "response-streams/text": () => inStreams(["delta", "a"]),
  "response-streams/usage": () => inStreams(["response.usage", undefined]),
  "response-streams/call": () => inStreams(["item.call_id", undefined]),

  "messages/object": () => inWholes(["role", undefined]),
  "messages/usage": () => inWholes(["usage.input_tokens", undefined]),
  "messages/stop-reason": () => inWholes(["stop_reason", "end_turn"]),
  "messages/call": () => inWholes(["content.*.input", "{}"]),
  "messages/call-reason": () => inWholes(["stop_reason", "end_turn"]),
  "messages/result": () => instead(mentions("tool_result")),
  "messages/count-tokens": () => where(isAt("/count_tokens"), inWholes(["input_tokens", 1])),
  "messages/error": () => inErrors(["type", undefined]),

  "message-streams/names": () => inText(/^event: .*\n/gm, ""),
  "message-streams/order": () => inText(/event: content_block_stop\n.*\n\n/, ""),
  "message-streams/index": () => inStreams(["index", undefined]),
  "message-streams/start": () => inStreams(["message.usage", undefined]),
  "message-streams/end": () => inStreams(["delta.stop_reason", null]),
  "message-streams/call": () => inStreams(["content_block.id", undefined]),

  "abort/stream": busyAfterwards,
  "abort/whole": busyAfterwards,
};

/** A server with embeddings. */
function embed(data: (format: unknown) => readonly object[]): Plant {
  return (answer, request) => {
    const { path, body } = request;
    if (!path.endsWith("/embeddings")) return answer;
    const usage = { prompt_tokens: 5, total_tokens: 5 };
    return instead(() => true, ok({ data: data(body?.["encoding_format"]), usage }))(answer, request);
  };
}

const half = Buffer.from(Float32Array.of(0.5).buffer).toString("base64");
const embedRightly = (): Plant =>
  embed((format) => [0, 1].map((index) => ({ index, embedding: format === "base64" ? half : [0.5] })));

/** What the daemon does not have, as it has to be. */
export const plantedFeatures: Readonly<Record<string, () => Plant>> = {
  "embeddings/float": embedRightly,
  "embeddings/base64": embedRightly,
  "embeddings/index": embedRightly,
  "embeddings/usage": embedRightly,
  "errors/key": () =>
    instead(({ key }) => key === "Bearer wrong", {
      status: 401,
      text: JSON.stringify({ error: { message: "wrong", type: "x", param: null, code: "invalid_api_key" } }),
    }),
  "structured/json-object": () =>
    inWholes([`${first}.message.content`, '{"a":1}'], [`${first}.finish_reason`, "stop"]),
  "responses/previous": () => (answer, request) => {
    const isSecond = has("previous_response_id")(request);
    const usage = { input_tokens: isSecond ? 9 : 5 };
    return instead(has("store", "previous_response_id"), ok({ id: "resp_1", usage }))(answer, request);
  },
};
