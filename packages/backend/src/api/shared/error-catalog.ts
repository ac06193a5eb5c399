/** The status that an error is answered with, and when that happens: the OpenAPI document says it. */
export interface ErrorEntry {
  readonly status: number;
  readonly when: string;
}

type Row = readonly [status: number, when: string];

/** Every code of this API. Each has a row in `docs/errors/http.md`, which says what to do; codes are never reused. */
const rows = {
  invalid_json: [400, "the body is not JSON, or exceeds the limits of one"],
  invalid_type: [400, "a value has the wrong type"],
  invalid_value: [400, "a value is out of range, or two parameters contradict each other"],
  missing_required_parameter: [400, "a required parameter is missing"],
  unknown_parameter: [400, "the parameter does not exist"],
  unsupported_parameter: [400, "the parameter would change the answer and is not supported"],
  unsupported_content: [400, "a part of a message is not text"],
  context_length_exceeded: [400, "prompt and answer are longer than the context"],
  chat_template_missing: [400, "the checkpoint has no chat template"],
  chat_template_failed: [400, "the checkpoint's chat template rejects the messages"],
  tokenizer_failed: [400, "the checkpoint's tokenizer fails on the prompt"],
  prompt_timeout: [400, "rendering and tokenizing the prompt took too long"],
  prompt_memory_exceeded: [400, "rendering and tokenizing the prompt took too much memory"],
  previous_response_not_found: [400, "`previous_response_id` is not stored here: never, or no longer"],
  conversation_locked: [400, "another request works on the conversation"],
  store_disabled: [400, "the server stores nothing"],
  adapter_refused: [400, "the adapter cannot be loaded; the message says why"],
  bad_request: [400, "the bytes are not an HTTP request, or the URL is not valid percent-encoding"],
  host_not_allowed: [403, "the request is addressed to another host"],
  origin_not_allowed: [403, "a browser sent the request for a page of another origin"],
  adapter_updates_disabled: [403, "adapters cannot be loaded and unloaded while this server runs"],
  model_not_found: [404, "the model is not served here"],
  response_not_found: [404, "the response is not held or stored here: never, or no longer"],
  conversation_not_found: [404, "the conversation is not stored here: never, or no longer"],
  item_not_found: [404, "the item is not stored here: never, or no longer"],
  unknown_url: [404, "the path does not exist"],
  method_not_allowed: [405, "the path has other methods; see the header `allow`"],
  events_not_held: [410, "events of a response were dropped, as it had too many or ended long ago"],
  request_timeout: [408, "the request did not arrive in time"],
  request_too_large: [413, "the body is larger than this server accepts"],
  unsupported_media_type: [415, "the body is not declared as `application/json`, or is compressed"],
  websocket_stream_limit_reached: [429, "a WebSocket session has as many responses as it may have"],
  queue_full: [429, "the queue is full; `retry-after` says when to try again"],
  header_too_large: [431, "the request's headers are too large"],
  engine_crashed: [500, "the engine crashed while it worked on this request"],
  device_lost: [500, "the GPU failed while it worked on this request; the engine is started again"],
  generation_failed: [500, "the engine could not finish this request"],
  internal_error: [500, "a defect of the server"],
  backend_failed: [502, "a backend of the gateway failed while it answered this request"],
  server_overloaded: [503, "too many connections or bodies; `retry-after` says when to try again"],
  store_unavailable: [503, "the store cannot be read or written now"],
  backend_unavailable: [
    503,
    "no backend of the gateway takes the request; `retry-after` says when to try again",
  ],
  engine_unavailable: [
    503,
    "the model is loading or has failed, or the server is draining; `retry-after` says when to try again",
  ],
  deadline_exceeded: [504, "the time that the client gave a request through a gateway is over"],
} as const;

/** What went wrong, for programs, in every wire format. */
export type ApiErrorCode = keyof typeof rows;

/** Looks up a code. */
export function errorEntry(code: ApiErrorCode): ErrorEntry {
  const [status, when]: Row = rows[code];
  return { status, when };
}

/** All codes, in the order of their status. */
export const errorCodes: readonly ApiErrorCode[] = Object.keys(rows) as ApiErrorCode[];

/** Any route that reads a body may be answered with these. */
export const bodyErrors: readonly ApiErrorCode[] = [
  "invalid_json",
  "invalid_type",
  "invalid_value",
  "missing_required_parameter",
  "unknown_parameter",
  "request_too_large",
  "unsupported_media_type",
];

/** Any route that needs the store. */
export const storageErrors: readonly ApiErrorCode[] = ["store_disabled", "store_unavailable"];

/** Any route that asks a model. */
export const modelErrors: readonly ApiErrorCode[] = ["model_not_found", "engine_unavailable"];

/** Any route that gives a prompt to a model. */
export const promptErrors: readonly ApiErrorCode[] = [
  ...modelErrors,
  ...bodyErrors,
  "unsupported_parameter",
  "context_length_exceeded",
  "tokenizer_failed",
  "prompt_timeout",
  "prompt_memory_exceeded",
  "queue_full",
  "engine_crashed",
  "device_lost",
  "generation_failed",
];

/** Any route that gives messages to a model. */
export const messageErrors: readonly ApiErrorCode[] = [
  ...promptErrors,
  "unsupported_content",
  "chat_template_missing",
  "chat_template_failed",
];
