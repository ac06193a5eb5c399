import type { EngineErrorRecord } from "../errors.ts";

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Makes plain data of an error, its code, field and numbers kept, so that it can cross to the daemon. */
export function toErrorRecord(error: unknown): EngineErrorRecord {
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
  // An EngineRequestError holds its numbers in `data`, the errors of the other packages in fields.
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
