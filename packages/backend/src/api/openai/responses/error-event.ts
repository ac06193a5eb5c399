import type { ApiError } from "../../shared/api-error.ts";
import type { StreamEvent } from "../../shared/generation.ts";
import { ResponseFailure } from "./response-failure.ts";

/** The last event of a stream that failed. */
export function toErrorEvent(error: ApiError): StreamEvent {
  const { code, message, param = null } = error;
  const sequence = error instanceof ResponseFailure ? error.sequenceNumber : 0;
  return {
    name: "error",
    data: JSON.stringify({ type: "error", sequence_number: sequence, code, message, param }),
  };
}
