import { ApiError } from "../../shared/api-error.ts";

/** An answer that failed after it began, and how many events told of it. */
export class ResponseFailure extends ApiError {
  readonly sequenceNumber: number;

  constructor(error: ApiError, sequenceNumber: number) {
    const { code, message, param, status } = error;
    super(code, message, { param, status, cause: error });
    this.sequenceNumber = sequenceNumber;
  }
}
