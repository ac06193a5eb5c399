import { BackendError, type EngineErrorRecord, EngineRequestError } from "../errors.ts";

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Where what `using` releases fails as well, the error before it. */
function firstOf(error: unknown): unknown {
  const isSuppressing = error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return isSuppressing ? firstOf(error.suppressed) : error;
}

/** Converts an error to plain data that can be sent to the daemon, with its code, field and numbers. */
export function toErrorRecord(thrown: unknown): EngineErrorRecord {
  const error = firstOf(thrown);
  if (!(error instanceof Error)) return { code: "INTERNAL", message: String(error) };
  const {
    code,
    param,
    message,
    data: nested,
    ...rest
  } = error as Error & {
    readonly code?: unknown;
    readonly param?: unknown;
    readonly data?: unknown;
  };
  const data: Record<string, string | number | boolean> = {};
  // An EngineRequestError has its numbers in `data`, errors of other packages have them in fields.
  const numbers = { ...rest, ...(typeof nested === "object" ? nested : {}) };
  for (const [key, value] of Object.entries(numbers)) {
    if (key !== "name" && isPlain(value)) data[key] = value;
  }
  return {
    code: typeof code === "string" ? code : "INTERNAL",
    message: message === undefined || message === "" ? error.name : error.message,
    ...(typeof param === "string" ? { param } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
  };
}

/** The error for a model that cannot be loaded; its `cause` has the code of the package that refused it. */
export function modelFailure(record: EngineErrorRecord): BackendError {
  const cause = new EngineRequestError(record);
  const isMissing = record.code === "MODEL_NOT_FOUND" || record.code === "NOT_A_DIRECTORY";
  return isMissing
    ? new BackendError("MODEL_NOT_FOUND", record.message, { cause })
    : new BackendError("MODEL_LOAD_FAILED", `${record.message} (${record.code})`, { cause });
}
