import { answerBytes, type AnswerSize } from "../../models/answer-memory.ts";
import { ApiError, invalidRequest } from "./api-error.ts";

/** Memory that the answers on their way may take together, until they are sent. */
export interface AnswerBudget {
  /** Bytes that are reserved now. */
  readonly reservedBytes: number;
  /**
   * Reserves what an answer can take; the function that is answered gives it back, once.
   * @throws ApiError 400 for an answer that never fits, 429 for one that does not fit now
   */
  reserve(size: AnswerSize, limitBytes: number): () => void;
}

const retryAfterMs = 1000;

/** Creates a budget of which nothing is reserved. */
export function createAnswerBudget(): AnswerBudget {
  let reservedBytes = 0;
  return {
    get reservedBytes() {
      return reservedBytes;
    },
    reserve: (size, limitBytes) => {
      const wanted = answerBytes(size);
      if (wanted > limitBytes) throw neverFits(size, wanted, limitBytes);
      if (reservedBytes + wanted > limitBytes) throw doesNotFitNow(wanted, limitBytes - reservedBytes);
      reservedBytes += wanted;
      let isHeld = true;
      return () => {
        if (isHeld) reservedBytes -= wanted;
        isHeld = false;
      };
    },
  };
}

function neverFits(size: AnswerSize, wanted: number, limitBytes: number): ApiError {
  const { answerCount, maxTokens, candidateCount, param } = size;
  return invalidRequest(
    `The answer could take ${wanted} bytes: ${answerCount} answers of up to ${maxTokens} tokens with ` +
      `${candidateCount} log-probabilities each; this server holds ${limitBytes} bytes of answers ` +
      "(engine.answerMemoryBytes). Lower `n`, `max_tokens` or the number of log-probabilities.",
    { param },
  );
}

function doesNotFitNow(wanted: number, freeBytes: number): ApiError {
  return new ApiError(
    `The answers on their way leave ${freeBytes} bytes of their memory (engine.answerMemoryBytes); this one could take ${wanted}`,
    {
      status: 429,
      type: "rate_limit_error",
      code: "queue_full",
      headers: { "retry-after": "1", "retry-after-ms": String(retryAfterMs) },
    },
  );
}
