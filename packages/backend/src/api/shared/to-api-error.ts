import { BackendError, EngineRequestError } from "../../errors.ts";
import { ApiError } from "./api-error.ts";
import { contextLengthExceeded } from "./context-length.ts";
import type { ApiErrorCode } from "./error-catalog.ts";

/** What a request of a wire format calls the fields that the engine names in its errors. */
export interface FieldNames {
  readonly prompt: string;
  /** By the engine's name (`topP`), where it is another one. */
  readonly others?: Readonly<Record<string, string>>;
}

const engineNames: FieldNames = { prompt: "prompt" };

/** `sampling.topP` → `top_p`; whatever is about the prompt names the prompt. */
function toParam(engineParam: string | undefined, { prompt, others }: FieldNames): string | undefined {
  if (engineParam === undefined) return undefined;
  const name = engineParam.replace(/^(?:sampling|stopping|parts)\./, "");
  if (/^(?:promptTokenIds|prompt|messages|text)\b/.test(name)) return prompt;
  return name.replace(/^\w+/, (first) => others?.[first] ?? first);
}

function contextError({ data, message }: EngineRequestError, { prompt }: FieldNames): ApiError {
  const { contextTokens, promptTokens, maxTokens } = data;
  if (typeof contextTokens === "number" && typeof promptTokens === "number") {
    const asked = typeof maxTokens === "number" ? maxTokens : undefined;
    return contextLengthExceeded({ promptTokens, contextTokens, maxTokens: asked }, prompt);
  }
  const reason = message.replace(/^the /i, "");
  return new ApiError(
    "context_length_exceeded",
    `This model's ${reason}. Please reduce the length of the ${prompt}.`,
    { param: prompt },
  );
}

function queueFull(error: EngineRequestError): ApiError {
  const { retryAfterMs } = error.data;
  const isKnown = typeof retryAfterMs === "number" && retryAfterMs > 0;
  return new ApiError("queue_full", `The queue is full: ${error.message}`, {
    retryAfterMs: isKnown ? Math.ceil(retryAfterMs) : 1000,
    cause: error,
  });
}

/** Creates the 503 of a model that cannot answer now. */
export function engineUnavailable(message: string, cause?: unknown): ApiError {
  return new ApiError("engine_unavailable", message, { retryAfterMs: 2000, cause });
}

function cannotAnswer(error: Error): ApiError {
  return engineUnavailable(`The model cannot answer now: ${error.message}`, error);
}

/** Creates the 400 of a field that the store does not take. */
export function tooMuchToStore(error: BackendError, param?: string): ApiError {
  return new ApiError("invalid_value", `Too much to store: ${error.message}`, { param, cause: error });
}

/** Errors of the prompt, and how their messages begin. */
function promptError(error: EngineRequestError, { prompt }: FieldNames): ApiError | undefined {
  const rejected = (code: ApiErrorCode, prefix: string, param = prompt): ApiError =>
    new ApiError(code, prefix + error.message, { param, cause: error });
  const cannotTake = `The model's tokenizer and chat template cannot take the ${prompt}: `;
  switch (error.code) {
    case "CHAT_TEMPLATE_FAILED":
      return rejected("chat_template_failed", "The chat template rejected the messages: ", "messages");
    case "CHAT_TEMPLATE_MISSING":
      return new ApiError("chat_template_missing", "The model has no chat template; use /v1/completions", {
        param: "messages",
        cause: error,
      });
    case "TOKENIZER_FAILED":
      return rejected("tokenizer_failed", `The tokenizer cannot take the ${prompt}: `);
    case "PROMPT_TIMEOUT":
      return rejected("prompt_timeout", cannotTake);
    case "PROMPT_MEMORY_EXCEEDED":
      return rejected("prompt_memory_exceeded", cannotTake);
    default:
      return undefined;
  }
}

function fromEngine(error: EngineRequestError, names: FieldNames): ApiError {
  switch (error.code) {
    case "CONTEXT_LENGTH_EXCEEDED":
      return contextError(error, names);
    case "QUEUE_FULL":
      return queueFull(error);
    case "INVALID_REQUEST":
    case "UNSUPPORTED_PARAMETER": {
      const param = toParam(error.param, names);
      const message =
        error.param === undefined || param === undefined
          ? error.message
          : error.message.replaceAll(error.param, param);
      const code = error.code === "INVALID_REQUEST" ? "invalid_value" : "unsupported_parameter";
      return new ApiError(code, message, { param });
    }
    case "INVALID_CONSTRAINT":
    case "UNSUPPORTED_CONSTRAINT":
    case "CONSTRAINT_TOO_LARGE":
    case "CONSTRAINT_TIMEOUT":
    case "CONSTRAINT_MEMORY_EXCEEDED": {
      const param = toParam(error.param ?? "constraint", names);
      const code = error.code === "UNSUPPORTED_CONSTRAINT" ? "unsupported_parameter" : "invalid_value";
      return new ApiError(code, `Invalid value for \`${param}\`: ${error.message}`, { param, cause: error });
    }
    case "ENGINE_UNAVAILABLE":
    case "ENGINE_DRAINING":
    case "ENGINE_DISPOSED":
      return cannotAnswer(error);
    case "DEVICE_LOST": {
      const message =
        "The GPU failed while it worked on this request. The engine is started again; please retry.";
      return new ApiError("device_lost", message, { cause: error });
    }
    default:
      return (
        promptError(error, names) ??
        new ApiError("generation_failed", "The engine could not finish this request.", { cause: error })
      );
  }
}

function fromBackend(error: BackendError): ApiError | undefined {
  if (error.code === "UNKNOWN_MODEL") {
    const message = `The model does not exist: ${error.message}`;
    return new ApiError("model_not_found", message, { param: "model", cause: error });
  }
  if (error.code === "ENGINE_UNAVAILABLE") return cannotAnswer(error);
  if (error.code === "STORE_FAILED") {
    const message = `The store cannot be used now: ${error.message}`;
    return new ApiError("store_unavailable", message, { retryAfterMs: 2000, cause: error });
  }
  if (error.code === "STORE_RECORD_TOO_LARGE") return tooMuchToStore(error);
  if (error.code !== "ENGINE_CRASHED") return undefined;
  const message = "The engine crashed while it worked on this request. It is being restarted; please retry.";
  return new ApiError("engine_crashed", message, { cause: error });
}

/** Converts any error to the one that the client gets. */
export function toApiError(error: unknown, names: FieldNames = engineNames): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof EngineRequestError) return fromEngine(error, names);
  if (error instanceof BackendError) {
    const known = fromBackend(error);
    if (known !== undefined) return known;
  }
  return new ApiError("internal_error", "The server failed to handle this request.", { cause: error });
}
