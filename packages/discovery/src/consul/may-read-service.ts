import { request as requestHttp, type Agent as HttpAgent, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";

/** An agent of Consul, and how it is reached. */
export interface AuthorizeTarget {
  /** Of the API, with `/v1`. */
  readonly baseUrl: string;
  readonly agent: HttpAgent;
  readonly datacenter: string | undefined;
  readonly timeoutMs: number;
}

/**
 * Asks whether a request without a token may read a service; `undefined` if Consul does not say. Consul answers such a
 * request with an empty list, and leaves out the header that it adds for a token that may not read everything.
 * @see https://github.com/hashicorp/consul/blob/main/agent/acl_endpoint.go `ACLAuthorize`, which Consul's own pages ask
 */
export async function mayReadService(
  { baseUrl, agent, datacenter, timeoutMs }: AuthorizeTarget,
  name: string,
): Promise<boolean | undefined> {
  const url = new URL(`${baseUrl}/internal/acl/authorize`);
  if (datacenter !== undefined) url.searchParams.set("dc", datacenter);
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    agent,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { "content-type": "application/json" },
  });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve).on("error", reject);
      request.end(JSON.stringify([{ Resource: "service", Segment: name, Access: "read" }]));
    });
    const body = await text(answer);
    return answer.statusCode === 200 ? readAllowed(JSON.parse(body)) : undefined;
  } catch {
    return undefined;
  }
}

function readAllowed(body: unknown): boolean | undefined {
  const [first] = Array.isArray(body) ? (body as readonly unknown[]) : [];
  if (typeof first !== "object" || first === null || !("Allow" in first)) return undefined;
  return typeof first.Allow === "boolean" ? first.Allow : undefined;
}
