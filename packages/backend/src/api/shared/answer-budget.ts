import { answerBytes, type AnswerSize } from "../../models/answer-memory.ts";
import { ApiError } from "./api-error.ts";

/** Memory that the answers that are being made may take together, until they are sent. */
export interface AnswerBudget {
  /** Bytes that are reserved now. */
  readonly reservedBytes: number;
  /**
   * Reserves what an answer can take; the returned function releases it, once.
   * @throws ApiError 400 for an answer that never fits, 429 for one that does not fit now
   */
  reserve(size: AnswerSize, limitBytes: number): () => void;
}

/** Creates a budget of which nothing is reserved. */
export function createAnswerBudget(): AnswerBudget {
  let reservedBytes = 0;
  return {
    get reservedBytes() {
      return reservedBytes;
    },
    reserve: (size, limitBytes) => {
      const wantedBytes = answerBytes(size);
      if (wantedBytes > limitBytes) throw neverFits(size, wantedBytes, limitBytes);
      if (reservedBytes + wantedBytes > limitBytes) {
        throw doesNotFitNow(wantedBytes, limitBytes - reservedBytes);
      }
      reservedBytes += wantedBytes;
      let isHeld = true;
      return () => {
        if (isHeld) reservedBytes -= wantedBytes;
        isHeld = false;
      };
    },
  };
}

function neverFits(size: AnswerSize, wantedBytes: number, limitBytes: number): ApiError {
  const { answerCount, maxTokens, candidateCount, param } = size;
  return new ApiError(
    "invalid_value",
    `Invalid value for \`${param}\`: expected an answer of at most ${limitBytes} bytes (engine.answerMemoryBytes), ` +
      `got one of up to ${wantedBytes}: ${answerCount} answers of up to ${maxTokens} tokens with ${candidateCount} ` +
      "log-probabilities each. Ask for fewer answers, tokens or log-probabilities.",
    { param },
  );
}

function doesNotFitNow(wantedBytes: number, freeBytes: number): ApiError {
  return new ApiError(
    "queue_full",
    `Other answers leave ${freeBytes} bytes of the answer memory (engine.answerMemoryBytes); this one could take ${wantedBytes}`,
    { retryAfterMs: 1000 },
  );
}
