/** What went wrong, for programs. Codes outlive messages and are never reused. */
export type DiscoveryErrorCode =
  | "INVALID_REGISTRATION"
  | "DUPLICATE_ID"
  | "NOT_REGISTERED"
  | "PROVIDER_DISPOSED"
  | "INVALID_OPTION";

/** Is thrown by everything in this package; `code` says what went wrong. */
export class DiscoveryError extends Error {
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DiscoveryError";
    this.code = code;
  }
}

/** Is thrown for a registration or an update that no provider may accept. */
export class InvalidRegistrationError extends DiscoveryError {
  /** Where, as a path: `port`, `tags[2]`, `metadata.model`. */
  readonly field: string;

  constructor(field: string, rule: string, found: unknown) {
    super("INVALID_REGISTRATION", `${field} must be ${rule}, found ${describe(found)}`);
    this.name = "InvalidRegistrationError";
    this.field = field;
  }
}

function describe(found: unknown): string {
  if (typeof found !== "string") {
    return typeof found === "object" && found !== null ? "an object" : String(found);
  }
  const text = JSON.stringify(found.length > 80 ? `${found.slice(0, 80)}…` : found);
  return found.length > 80 ? `${text} of ${found.length} characters` : text;
}
