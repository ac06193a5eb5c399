import type { IncomingMessage } from "node:http";

const methods = "GET, HEAD, POST, DELETE, OPTIONS";
const exposed = "x-request-id, retry-after, retry-after-ms";

/** The headers by which a browser lets a page of another origin read an answer, flat; none where it may not. */
export function crossOriginHeaders(
  { method, headers }: Pick<IncomingMessage, "method" | "headers">,
  origins: readonly string[],
): readonly string[] {
  const { origin } = headers;
  if (origins.length === 0) return [];
  const isAny = origins.includes("*");
  const varies = isAny ? [] : ["vary", "origin"];
  if (origin === undefined || !(isAny || origins.includes(origin))) return varies;
  const allowed = ["access-control-allow-origin", isAny ? "*" : origin, ...varies];
  if (method !== "OPTIONS") return [...allowed, "access-control-expose-headers", exposed];
  const asked = headers["access-control-request-headers"];
  return [
    ...allowed,
    "access-control-allow-methods",
    methods,
    "access-control-max-age",
    "600",
    ...(asked === undefined ? [] : ["access-control-allow-headers", asked]),
  ];
}
