/** Error codes, listed in `docs/errors/discovery.md`. A code is never reused. */
export type DiscoveryErrorCode =
  | "INVALID_REGISTRATION"
  | "DUPLICATE_ID"
  | "NOT_REGISTERED"
  | "PROVIDER_DISPOSED"
  | "INVALID_OPTION"
  | "REGISTRY_UNAVAILABLE"
  | "REGISTRY_REFUSED";

/** Base class of all errors of this package; test `code`, not the message. */
export class DiscoveryError extends Error {
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DiscoveryError";
    this.code = code;
  }
}

/** A registration or an update is invalid. */
export class InvalidRegistrationError extends DiscoveryError {
  /** The path of the invalid field: `port`, `tags[2]`, `metadata.model`. */
  readonly field: string;

  constructor(field: string, expected: string, got: unknown) {
    super("INVALID_REGISTRATION", `${field}: expected ${expected}, got ${describe(got)}`);
    this.name = "InvalidRegistrationError";
    this.field = field;
  }
}

/** An update of a service that is gone. */
export function notRegistered(id: string): DiscoveryError {
  const message = `expected a registered service, got "${id}", which is deregistered`;
  return new DiscoveryError("NOT_REGISTERED", message);
}

/** A second registration with an id. */
export function duplicateId(id: string): DiscoveryError {
  const message = `id: expected a unique id, got "${id}", which is registered already`;
  return new DiscoveryError("DUPLICATE_ID", message);
}

function describe(got: unknown): string {
  if (typeof got !== "string") {
    return typeof got === "object" && got !== null ? "an object" : String(got);
  }
  const text = JSON.stringify(got.length > 80 ? `${got.slice(0, 80)}…` : got);
  return got.length > 80 ? `${text} of ${got.length} characters` : text;
}
