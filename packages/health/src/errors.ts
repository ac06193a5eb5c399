/** Error codes, listed in `docs/errors/health.md`. A code is never reused. */
export type HealthErrorCode = "INVALID_OPTION" | "DUPLICATE_CHECK" | "METRIC_CONFLICT";

/** Base class of all errors of this package; test `code`, not the message. */
export class HealthError extends Error {
  readonly code: HealthErrorCode;

  constructor(code: HealthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HealthError";
    this.code = code;
  }
}
