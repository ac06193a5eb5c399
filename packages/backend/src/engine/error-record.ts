import type { EngineErrorRecord } from "../errors.ts";

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Makes plain data of an error, its code, field and numbers kept, so that it can cross to the daemon. */
export function toErrorRecord(error: unknown): EngineErrorRecord {
  if (!(error instanceof Error)) return { code: "INTERNAL", message: String(error) };
  const { code, param, message, ...rest } = error as Error & {
    readonly code?: unknown;
    readonly param?: unknown;
  };
  const data: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(rest)) {
    if (key !== "name" && isPlain(value)) data[key] = value;
  }
  return {
    code: typeof code === "string" ? code : "INTERNAL",
    message: message === undefined || message === "" ? error.name : error.message,
    ...(typeof param === "string" ? { param } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
  };
}
