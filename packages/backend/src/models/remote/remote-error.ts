import { BackendError, EngineRequestError } from "../../errors.ts";
import { isRecord } from "../../is-record.ts";
import { parameters, type Dialect, type ParameterName } from "./dialect.ts";

/** An error response of a server. */
export interface Refusal {
  /** The HTTP status; `undefined` for an error inside a stream. */
  readonly status: number | undefined;
  readonly headers?: Headers;
  /** The body, parsed if it is JSON. */
  readonly body: unknown;
  readonly dialect?: Dialect | undefined;
}

interface ErrorFields {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | undefined;
  readonly contextTokens: number | undefined;
  readonly promptTokens: number | undefined;
}

const maxMessageCharacters = 1000;
const defaultRetryAfterMs = 1000;
const longestRetryAfterMs = 3_600_000;

/** Server codes with a specific code here; all others are mapped by status. */
const requestCodes: Readonly<Record<string, string>> = {
  context_length_exceeded: "CONTEXT_LENGTH_EXCEEDED",
  exceed_context_size_error: "CONTEXT_LENGTH_EXCEEDED",
  unsupported_parameter: "UNSUPPORTED_PARAMETER",
  chat_template_missing: "CHAT_TEMPLATE_MISSING",
  chat_template_failed: "CHAT_TEMPLATE_FAILED",
  tokenizer_failed: "TOKENIZER_FAILED",
  prompt_timeout: "PROMPT_TIMEOUT",
  prompt_memory_exceeded: "PROMPT_MEMORY_EXCEEDED",
  device_lost: "DEVICE_LOST",
  generation_failed: "INTERNAL",
  internal_error: "INTERNAL",
};

/** The error for a response that the protocol does not allow. */
export function protocolError(expected: string, got: string, cause?: unknown): BackendError {
  const message = `expected ${expected} from the server, got ${got}`;
  return new BackendError("ENGINE_PROTOCOL", message, cause === undefined ? undefined : { cause });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, maxMessageCharacters) : "";
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Reads OpenAI's `{error: {…}}`, the flat bodies of older vLLM, `{error: "text"}` and `{detail: …}`. */
function readFields(body: unknown): ErrorFields {
  const outer = isRecord(body) ? body : {};
  const error = isRecord(outer["error"]) ? outer["error"] : outer;
  const message = [error["message"], outer["error"], outer["detail"], body]
    .map(textOf)
    .find((each) => each !== "");
  return {
    message: message ?? "no reason given",
    type: textOf(error["type"]),
    code: typeof error["code"] === "number" ? String(error["code"]) : textOf(error["code"]),
    param: typeof error["param"] === "string" ? textOf(error["param"]) : undefined,
    contextTokens: numberOf(error["n_ctx"]),
    promptTokens: numberOf(error["n_prompt_tokens"]),
  };
}

/** The field of the request, as `GenerateInput` spells it. */
function paramOf(param: string | undefined, dialect: Dialect | undefined): string | undefined {
  if (param === undefined) return undefined;
  const [first = ""] = /^\w+/.exec(param) ?? [];
  const found = Object.entries(dialect?.fields ?? {}).find(([, field]) => field === first);
  if (found === undefined) return param;
  return parameters[found[0] as ParameterName].path + param.slice(first.length);
}

function retryAfterMs(headers: Headers | undefined): number {
  const exactMs = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  const after = headers?.get("retry-after") ?? "";
  const seconds = Number(after === "" ? Number.NaN : after);
  const untilMs = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  const wantedMs = [exactMs, untilMs].find((each) => each > 0) ?? defaultRetryAfterMs;
  return Math.min(Math.ceil(wantedMs), longestRetryAfterMs);
}

/** The status; for an error inside a stream, the status that its code or type stands for. */
function statusOf({ status }: Refusal, { code, type }: ErrorFields): number | undefined {
  if (status !== undefined) return status;
  const inBody = Number(code);
  if (Number.isInteger(inBody) && inBody >= 400 && inBody < 600) return inBody;
  if (type === "invalid_request_error" || type === "BadRequestError") return 400;
  return type === "rate_limit_error" ? 429 : undefined;
}

/** Parses the lengths of the context and the prompt from the messages of OpenAI and vLLM. */
function readLengths(message: string): { readonly contextTokens?: number; readonly promptTokens?: number } {
  const context = /maximum context length is (\d{1,9}) tokens/i.exec(message)?.[1];
  const prompt = /\((\d{1,9}) in the (?:messages|prompt)/i.exec(message)?.[1];
  return {
    ...(context === undefined ? {} : { contextTokens: Number(context) }),
    ...(prompt === undefined ? {} : { promptTokens: Number(prompt) }),
  };
}

/** Maps an error response to an error of this package. */
export function toRemoteError(refusal: Refusal): BackendError | EngineRequestError {
  const fields = readFields(refusal.body);
  const { message, code, type } = fields;
  const status = statusOf(refusal, fields);
  const said = `the server answered${status === undefined ? "" : ` ${status}`}: ${message}`;
  const own = requestCodes[code] ?? requestCodes[type];
  const isTooLong =
    own === "CONTEXT_LENGTH_EXCEEDED" || (status === 400 && /maximum context length/i.test(message));
  if (isTooLong) {
    const { contextTokens, promptTokens } = fields;
    const stated = { contextTokens, promptTokens };
    const data = contextTokens === undefined ? readLengths(message) : stated;
    return new EngineRequestError({ code: "CONTEXT_LENGTH_EXCEEDED", message, param: "prompt", data });
  }
  if (own !== undefined) {
    const param = paramOf(fields.param, refusal.dialect);
    return new EngineRequestError({ code: own, message, param });
  }
  if (status === 429) {
    return new EngineRequestError({
      code: "QUEUE_FULL",
      message: said,
      data: { retryAfterMs: retryAfterMs(refusal.headers) },
    });
  }
  if (code === "engine_crashed") return new BackendError("ENGINE_CRASHED", said);
  if (code === "engine_unavailable") return new BackendError("ENGINE_UNAVAILABLE", said);
  if (code === "model_not_found" || (status === 404 && /model/i.test(message))) {
    return new BackendError("UNKNOWN_MODEL", said);
  }
  if (status === 404 || status === 405 || status === 501) {
    return new EngineRequestError({ code: "UNKNOWN_OPERATION", message: said });
  }
  // A configuration error of this service, not of the request.
  if (status === 401 || status === 403 || status === 407) {
    return new BackendError("ENGINE_UNAVAILABLE", `${said} (its API key is \`apiKey\`)`);
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408) {
    const param = paramOf(fields.param, refusal.dialect);
    return new EngineRequestError({ code: "INVALID_REQUEST", message, param });
  }
  return new BackendError(status === undefined ? "ENGINE_CRASHED" : "ENGINE_UNAVAILABLE", said);
}
