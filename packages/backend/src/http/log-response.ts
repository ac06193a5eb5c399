import type { Logger } from "pino";
import { ApiError } from "../api/shared/api-error.ts";
import type { HeldResponse } from "../api/shared/held-responses.ts";

/** Logs the end of a held response, which may be long after that of its request; never its content. */
export function logResponse(logger: Logger, held: HeldResponse): void {
  const { id, requestId, modelId, progress, failure } = held;
  logger.info(
    {
      ...(requestId === undefined ? {} : { requestId }),
      responseId: id,
      model: modelId,
      promptTokens: progress.promptTokens,
      completionTokens: progress.completionTokens,
      finishReasons: progress.finishReasons,
      ...(failure instanceof ApiError ? { error: failure.code } : {}),
    },
    "response",
  );
}
