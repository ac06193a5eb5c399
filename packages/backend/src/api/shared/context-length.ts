import { invalidRequest, type ApiError } from "./api-error.ts";

/** Tokens that were asked for, and that there are. */
export interface ContextLengths {
  readonly promptTokens: number;
  readonly contextTokens: number;
  /** As the request said; `undefined` where it left the length open. */
  readonly maxTokens?: number | undefined;
}

/** The 400 for a prompt that, with its answer, is too long. Clients look for "maximum context length". */
export function contextLengthExceeded(
  lengths: ContextLengths,
  promptParam: "messages" | "prompt" = "prompt",
): ApiError {
  const { promptTokens, contextTokens, maxTokens } = lengths;
  const asked =
    maxTokens === undefined
      ? `at least ${promptTokens + 1} tokens (${promptTokens} in the ${promptParam}, 1 or more for the completion)`
      : `${promptTokens + maxTokens} tokens (${promptTokens} in the ${promptParam}, ${maxTokens} for the completion)`;
  return invalidRequest(
    `This model's maximum context length is ${contextTokens} tokens. However, you requested ${asked}. ` +
      `Please reduce the length of the ${promptParam} or of the completion.`,
    { code: "context_length_exceeded", param: promptParam },
  );
}
