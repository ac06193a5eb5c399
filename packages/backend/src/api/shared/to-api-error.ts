import { BackendError, EngineRequestError } from "../../errors.ts";
import { ApiError, invalidRequest } from "./api-error.ts";
import { contextLengthExceeded } from "./context-length.ts";

const apiNames: Readonly<Record<string, string>> = {
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  repetitionPenalty: "repetition_penalty",
  logitBias: "logit_bias",
  maxTokens: "max_tokens",
  minTokens: "min_tokens",
  stopTokenIds: "stop_token_ids",
  ignoreEos: "ignore_eos",
  includeStopInOutput: "include_stop_str_in_output",
  skipSpecialTokens: "skip_special_tokens",
};

/** `sampling.topP` → `top_p`; what is about the prompt is the prompt's. */
function toApiParam(param: string | undefined, promptParam: string): string | undefined {
  if (param === undefined) return undefined;
  const name = param.replace(/^(?:sampling|stopping)\./, "");
  if (/^(?:promptTokenIds|prompt|messages|text)\b/.test(name)) return promptParam;
  return name.replace(/^\w+/, (first) => apiNames[first] ?? first);
}

function contextError({ data, message }: EngineRequestError, promptParam: "messages" | "prompt"): ApiError {
  const { contextTokens, promptTokens, maxTokens } = data;
  if (typeof contextTokens !== "number" || typeof promptTokens !== "number") {
    return invalidRequest(
      `This model's ${message.replace(/^the /i, "")}. Please reduce the length of the ${promptParam}.`,
      {
        code: "context_length_exceeded",
        param: promptParam,
      },
    );
  }
  return contextLengthExceeded(
    { promptTokens, contextTokens, maxTokens: typeof maxTokens === "number" ? maxTokens : undefined },
    promptParam,
  );
}

function queueFull(error: EngineRequestError): ApiError {
  const { retryAfterMs } = error.data;
  const waitMs = typeof retryAfterMs === "number" && retryAfterMs > 0 ? Math.ceil(retryAfterMs) : 1000;
  return new ApiError(
    `The queue is full: ${error.message}`,
    {
      status: 429,
      type: "rate_limit_error",
      code: "queue_full",
      headers: { "retry-after": String(Math.ceil(waitMs / 1000)), "retry-after-ms": String(waitMs) },
    },
    { cause: error },
  );
}

/** Says that no model answers now; clients try again after the named time. */
export function engineUnavailable(message: string, cause?: unknown): ApiError {
  return new ApiError(
    `The model cannot answer now: ${message}`,
    {
      status: 503,
      type: "server_error",
      code: "engine_unavailable",
      headers: { "retry-after": "2", "retry-after-ms": "2000" },
    },
    { cause },
  );
}

function serverError(
  code: "engine_crashed" | "generation_failed" | "internal_error",
  cause: unknown,
): ApiError {
  const messages = {
    engine_crashed: "The engine stopped while it worked on this request. It is started again; please retry.",
    generation_failed: "The engine could not finish this request.",
    internal_error: "The server failed to handle this request.",
  };
  return new ApiError(messages[code], { status: 500, type: "server_error", code }, { cause });
}

function fromEngine(error: EngineRequestError, promptParam: "messages" | "prompt"): ApiError {
  switch (error.code) {
    case "CONTEXT_LENGTH_EXCEEDED":
      return contextError(error, promptParam);
    case "QUEUE_FULL":
      return queueFull(error);
    case "INVALID_REQUEST": {
      const param = toApiParam(error.param, promptParam);
      const message =
        error.param === undefined || param === undefined
          ? error.message
          : error.message.replaceAll(error.param, param);
      return invalidRequest(message, { param });
    }
    case "CHAT_TEMPLATE_FAILED":
      return invalidRequest(`The chat template refused the messages: ${error.message}`, {
        code: "chat_template_failed",
        param: "messages",
      });
    case "CHAT_TEMPLATE_MISSING":
      return invalidRequest(error.message, { code: "chat_template_missing", param: "messages" });
    case "TOKENIZER_FAILED":
      return invalidRequest(`The tokenizer cannot take the ${promptParam}: ${error.message}`, {
        code: "tokenizer_failed",
        param: promptParam,
      });
    case "PROMPT_TIMEOUT":
      return invalidRequest(
        `The model's tokenizer and chat template cannot take the ${promptParam}: ${error.message}`,
        {
          code: "prompt_timeout",
          param: promptParam,
        },
      );
    case "PROMPT_MEMORY_EXCEEDED":
      return invalidRequest(
        `The model's tokenizer and chat template cannot take the ${promptParam}: ${error.message}`,
        {
          code: "prompt_memory_exceeded",
          param: promptParam,
        },
      );
    case "ENGINE_UNAVAILABLE":
    case "ENGINE_DRAINING":
    case "ENGINE_DISPOSED":
      return engineUnavailable(error.message, error);
    default:
      return serverError("generation_failed", error);
  }
}

/** Makes what a client is told of any error. `promptParam` is the name of the prompt in the request. */
export function toApiError(error: unknown, promptParam: "messages" | "prompt" = "prompt"): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof EngineRequestError) return fromEngine(error, promptParam);
  if (error instanceof BackendError) {
    if (error.code === "ENGINE_UNAVAILABLE") return engineUnavailable(error.message, error);
    if (error.code === "ENGINE_CRASHED") return serverError("engine_crashed", error);
  }
  return serverError("internal_error", error);
}
