import type { IncomingHttpHeaders } from "node:http";
import type { BodyRoute } from "../../http/body/body-route.ts";
import type { RouteRequest } from "../router.ts";

/** A header by which a client says which requests belong together, where its body cannot. */
const conversationHeader = "x-conversation-id";

/** What a request's target, headers and body say about its route. */
export function toRouteRequest(
  { path, headers }: { readonly path: string; readonly headers: IncomingHttpHeaders },
  body: BodyRoute,
  owner: string | undefined,
): RouteRequest {
  const header = headers[conversationHeader];
  return {
    model: body.model,
    path,
    headers,
    promptCharacters: body.promptCharacters,
    prefixes: body.prefixes,
    conversation: body.conversation ?? (typeof header === "string" ? header : undefined),
    owner,
    keyName: undefined,
  };
}

/** The body with another name of the model; the same bytes where it has that one already. */
export function withModel(body: Buffer, route: BodyRoute, model: string | undefined): Buffer {
  if (model === undefined || model === route.model) return body;
  const value = Buffer.from(JSON.stringify(model));
  const { modelRange: range } = route;
  if (range !== undefined) {
    return Buffer.concat([body.subarray(0, range.start), value, body.subarray(range.end)]);
  }
  const start = body.indexOf("{") + 1;
  if (start === 0) return body;
  const isEmpty = /^\s*\}/.test(body.toString("latin1", start, start + 64));
  const member = Buffer.concat([Buffer.from('"model":'), value, Buffer.from(isEmpty ? "" : ",")]);
  return Buffer.concat([body.subarray(0, start), member, body.subarray(start)]);
}
