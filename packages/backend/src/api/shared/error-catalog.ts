import type { ApiErrorCode } from "./api-error.ts";

export interface ApiErrorEntry {
  readonly status: number;
  /** When it is answered, for the OpenAPI document; `docs/errors/http.md` says what to do. */
  readonly when: string;
}

/** Every code, its status, and when it is answered. */
export const errorCatalog: Readonly<Record<ApiErrorCode, ApiErrorEntry>> = {
  invalid_json: { status: 400, when: "the body is no JSON, or beyond the limits of one" },
  invalid_type: { status: 400, when: "a value is of the wrong kind" },
  invalid_value: { status: 400, when: "a value is out of range, or two parameters contradict each other" },
  missing_required_parameter: { status: 400, when: "a parameter that is needed is missing" },
  unknown_parameter: { status: 400, when: "there is no such parameter" },
  unsupported_parameter: { status: 400, when: "the parameter would change the answer, and cannot here" },
  unsupported_content: { status: 400, when: "a part of a message is no text" },
  context_length_exceeded: { status: 400, when: "prompt and answer are longer than the context" },
  chat_template_missing: { status: 400, when: "the checkpoint has no chat template" },
  chat_template_failed: { status: 400, when: "the checkpoint's chat template refuses the messages" },
  tokenizer_failed: { status: 400, when: "the checkpoint's tokenizer fails on the prompt" },
  prompt_timeout: {
    status: 400,
    when: "the checkpoint's tokenizer and template take too long for the prompt",
  },
  prompt_memory_exceeded: {
    status: 400,
    when: "the checkpoint's tokenizer and template take too much memory for the prompt",
  },
  bad_request: { status: 400, when: "the bytes are no HTTP request, or the URL is no percent-encoding" },
  host_not_allowed: { status: 403, when: "the request is addressed to a host that is not this one" },
  origin_not_allowed: { status: 403, when: "a browser sent the request for a page of another origin" },
  model_not_found: { status: 404, when: "the model is not served here" },
  unknown_url: { status: 404, when: "there is no such path" },
  method_not_allowed: { status: 405, when: "the path has other methods; see the header `allow`" },
  request_timeout: { status: 408, when: "the request did not arrive in time" },
  request_too_large: { status: 413, when: "the body is larger than this server takes" },
  unsupported_media_type: {
    status: 415,
    when: "the body is not declared as `application/json`, or compressed",
  },
  queue_full: { status: 429, when: "as many requests wait as may; `retry-after` says when to try again" },
  header_too_large: { status: 431, when: "the request's headers are too large" },
  engine_crashed: { status: 500, when: "the engine ended while it worked on this request" },
  generation_failed: { status: 500, when: "the engine could not finish this request" },
  internal_error: { status: 500, when: "a defect of the server" },
  server_overloaded: {
    status: 503,
    when: "there are as many connections or bodies as may be; `retry-after` says when to try again",
  },
  engine_unavailable: {
    status: 503,
    when: "the model loads, the engine was given up, or the server drains; `retry-after` says when to try again",
  },
};
