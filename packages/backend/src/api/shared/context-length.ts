import { ApiError } from "./api-error.ts";

/** Tokens that were requested, and that there are. */
export interface ContextLengths {
  readonly promptTokens: number;
  readonly contextTokens: number;
  /** As the request said; `undefined` where it left the length open. */
  readonly maxTokens?: number | undefined;
}

/** The 400 for a prompt that is too long with its answer. Clients look for "maximum context length". */
export function contextLengthExceeded(lengths: ContextLengths, promptParam = "prompt"): ApiError {
  const { promptTokens, contextTokens, maxTokens } = lengths;
  const requested =
    maxTokens === undefined
      ? `at least ${promptTokens + 1} tokens (${promptTokens} in the ${promptParam}, 1 or more for the completion)`
      : `${promptTokens + maxTokens} tokens (${promptTokens} in the ${promptParam}, ${maxTokens} for the completion)`;
  return new ApiError(
    "context_length_exceeded",
    `This model's maximum context length is ${contextTokens} tokens. However, you requested ${requested}. ` +
      `Please reduce the length of the ${promptParam} or of the completion.`,
    { param: promptParam },
  );
}
