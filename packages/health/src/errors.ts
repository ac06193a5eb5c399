/** What went wrong, for programs. Codes outlive messages and are never reused. */
export type HealthErrorCode = "INVALID_OPTION" | "DUPLICATE_CHECK" | "METRIC_CONFLICT";

/** Is thrown by everything in this package; `code` says what went wrong. */
export class HealthError extends Error {
  readonly code: HealthErrorCode;

  constructor(code: HealthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HealthError";
    this.code = code;
  }
}
