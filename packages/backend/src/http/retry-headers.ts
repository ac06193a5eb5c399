import type { ApiError } from "../api/shared/api-error.ts";

/** The headers that say when to try again; none where that would not help. */
export function retryHeaders({ retryAfterMs }: ApiError): Readonly<Record<string, string>> {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.ceil(retryAfterMs / 1000)), "retry-after-ms": String(retryAfterMs) };
}
