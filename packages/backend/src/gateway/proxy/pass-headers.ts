import type { IncomingMessage } from "node:http";
import type { Backend } from "../router.ts";
import { deadlineHeader } from "./deadline.ts";

/** Of one connection, not of the message (RFC 9110, section 7.6.1). */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Those that the gateway writes itself, or that concern it alone. */
const ofRequest = new Set([
  ...hopByHop,
  "host",
  "content-length",
  "expect",
  // Answers are passed as they are, and read for ids and the ends of events.
  "accept-encoding",
  // The gateway has checked it.
  "origin",
  "x-request-id",
  "x-forwarded-for",
  deadlineHeader,
]);

/** Keys of a client, which a backend with a key of its own does not get. */
const credentials = new Set(["authorization", "x-api-key", "api-key"]);

const ofAnswer = new Set([...hopByHop, "x-request-id", "request-id", "x-infernode-backend"]);

/** The names in `connection`, which are of one connection as well. */
function namedByConnection(value: string | undefined): readonly string[] {
  return value === undefined
    ? []
    : value
        .toLowerCase()
        .split(",")
        .map((name) => name.trim());
}

/** The headers of a request to a backend, flat: name, value, name, value. */
export function requestHeaders(
  client: IncomingMessage,
  {
    backend,
    requestId,
    bodyBytes,
    leftMs,
  }: {
    readonly backend: Backend;
    readonly requestId: string;
    readonly bodyBytes: number | undefined;
    /** Of the client's time. */
    readonly leftMs: number | undefined;
  },
): string[] {
  const { rawHeaders, headers, socket } = client;
  const own = Object.entries(backend.headers);
  const replaced = new Set(own.map(([name]) => name.toLowerCase()));
  const hasKey = own.some(([name]) => credentials.has(name.toLowerCase()));
  const dropped = namedByConnection(headers.connection);
  const passed: string[] = ["host", backend.url.host];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const key = name.toLowerCase();
    if (ofRequest.has(key) || replaced.has(key) || dropped.includes(key)) continue;
    if (hasKey && credentials.has(key)) continue;
    passed.push(name, rawHeaders[index + 1] as string);
  }
  for (const [name, value] of own) passed.push(name, value);
  if (bodyBytes !== undefined) passed.push("content-length", String(bodyBytes));
  if (leftMs !== undefined) passed.push(deadlineHeader, String(leftMs));
  const before = headers["x-forwarded-for"];
  const address = socket.remoteAddress ?? "unknown";
  passed.push("x-request-id", requestId);
  passed.push("x-forwarded-for", typeof before === "string" ? `${before}, ${address}` : address);
  return passed;
}

/** The headers of a backend's answer for the client, flat; those of CORS are the gateway's own. */
export function answerHeaders(answer: Pick<IncomingMessage, "rawHeaders" | "headers">): string[] {
  const dropped = namedByConnection(answer.headers.connection);
  const passed: string[] = [];
  const { rawHeaders } = answer;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const key = name.toLowerCase();
    if (ofAnswer.has(key) || dropped.includes(key) || key.startsWith("access-control-")) continue;
    passed.push(name, rawHeaders[index + 1] as string);
  }
  return passed;
}
