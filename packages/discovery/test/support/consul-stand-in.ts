import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { ConsulServer, ConsulServerOptions } from "./consul-server.ts";

const standInToken = "11111111-2222-3333-4444-555555555555";
const standInWriterToken = "22222222-2222-3333-4444-555555555555";

interface Stored {
  readonly service: Readonly<Record<string, unknown>>;
  readonly created: number;
  status: string;
  output: string;
  ttlMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** A stand-in, with what only it can do. */
export interface ConsulStandIn extends ConsulServer {
  /** Requests so far, as `PUT /v1/agent/…`. */
  readonly requests: readonly string[];
  /** Number of requests that wait for a change. */
  readonly blockedCount: number;
  /** Sets the index that the next answers have. */
  setIndex(index: number): void;
  /** From now on answers every request with this status and text; `undefined`: as it should. */
  fail(answer: { readonly status: number; readonly text: string } | undefined): void;
}

/**
 * Starts a server that answers the requests of the provider as Consul 1.14 does: the index and the wait of blocking
 * queries, the expiry of TTL checks, checks that keep their state when a registration is replaced, and empty lists
 * for requests without a token; a token that it does not know is refused.
 */
export async function startConsulStandIn({
  hasAccessControl = false,
  mayAnyoneRead = false,
}: ConsulServerOptions = {}): Promise<ConsulStandIn> {
  const requests: string[] = [];
  let services = new Map<string, Stored>();
  let index = 10;
  let blocked = new Set<() => void>();
  let failing: { readonly status: number; readonly text: string } | undefined;
  let server: Server | undefined;
  let port = 0;

  function changed(): void {
    index += 1;
    const waking = blocked;
    blocked = new Set();
    for (const wake of waking) wake();
  }

  function setStatus(stored: Stored, status: string, output: string): void {
    clearTimeout(stored.timer);
    const expire = (): void => setStatus(stored, "critical", "TTL expired");
    stored.timer = setTimeout(expire, stored.ttlMs).unref();
    if (stored.status === status && stored.output === output) return;
    Object.assign(stored, { status, output });
    changed();
  }

  async function register(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await json(request)) as { ID: string; Check: { Status?: string; TTL: string } };
    const id = body.ID;
    const previous = services.get(id);
    clearTimeout(previous?.timer);
    const stored: Stored = {
      service: body,
      created: previous?.created ?? index + 1,
      status: previous?.status ?? body.Check.Status ?? "critical",
      output: previous?.output ?? "",
      ttlMs: Number.parseInt(body.Check.TTL, 10),
      timer: undefined,
    };
    services.set(id, stored);
    changed();
    setStatus(stored, stored.status, stored.output);
    response.end();
  }

  function instancesOf(name: string): readonly unknown[] {
    return [...services.values()]
      .filter(({ service }) => service["Name"] === name)
      .map(({ service, status, output, created }) => ({
        Node: { Node: "node", Address: "127.0.0.1" },
        Service: {
          ID: service["ID"],
          Service: service["Name"],
          Tags: service["Tags"] ?? [],
          Meta: service["Meta"] ?? null,
          Address: service["Address"] ?? "",
          Port: service["Port"] ?? 0,
          CreateIndex: created,
        },
        Checks: [
          { CheckID: "serfHealth", Status: "passing" },
          { CheckID: `service:${String(service["ID"])}`, Status: status, Output: output },
        ],
      }));
  }

  async function untilChanged(response: ServerResponse, query: URLSearchParams): Promise<void> {
    const asked = Number(query.get("index") ?? 0);
    if (asked === 0 || asked < index) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Number.parseInt(query.get("wait") ?? "0", 10)).unref();
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      blocked.add(wake);
      response.on("close", () => {
        blocked.delete(wake);
        wake();
      });
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://consul");
    requests.push(`${request.method} ${pathname}`);
    const given = request.headers["x-consul-token"];
    const mayWrite = !hasAccessControl || given === standInToken || given === standInWriterToken;
    const mayRead = !hasAccessControl || given === standInToken || (given === undefined && mayAnyoneRead);
    const [area, kind, verb = "", id = ""] = pathname.slice("/v1/".length).split("/").map(decodeURIComponent);
    const refuse = (status: number, text: string): void =>
      void response.writeHead(status, { "content-type": "text/plain" }).end(text);
    if (failing !== undefined) return refuse(failing.status, failing.text);
    if (request.headers["x-consul-namespace"] !== undefined) {
      return refuse(400, 'Bad request: Invalid header: "X-Consul-Namespace"');
    }
    if (hasAccessControl) response.setHeader("x-consul-default-acl-policy", "deny");
    if (given !== undefined && !mayWrite) return refuse(403, "ACL not found");
    if (area === "internal") {
      response.end(JSON.stringify([{ Resource: "service", Access: "read", Allow: mayRead }]));
      return undefined;
    }
    if (area === "health" || area === "catalog") {
      if (area === "health") await untilChanged(response, searchParams);
      const all = area === "health" ? instancesOf(verb) : namesOf([...services.values()]);
      response.setHeader("x-consul-index", index);
      response.setHeader("content-type", "application/json");
      if (!mayRead && given !== undefined) response.setHeader("x-consul-results-filtered-by-acls", "true");
      response.end(JSON.stringify(mayRead ? all : area === "health" ? [] : {}));
      return undefined;
    }
    if (!mayWrite) return refuse(403, "Permission denied: anonymous token lacks permission");
    if (kind === "service" && verb === "register") return register(request, response);
    if (kind === "service") {
      const stored = services.get(id);
      clearTimeout(stored?.timer);
      if (!services.delete(id)) return refuse(404, `Unknown service ID "${id}"`);
      changed();
      response.end();
      return undefined;
    }
    const stored = services.get(id.replace(/^service:/, ""));
    if (stored === undefined) return refuse(404, `Unknown check ID "${id}"`);
    const status = { pass: "passing", warn: "warning", fail: "critical" }[verb] ?? "critical";
    setStatus(stored, status, searchParams.get("note") ?? "");
    response.end();
    return undefined;
  }

  async function start(): Promise<void> {
    server = createServer((request, response) => void answer(request, response)).listen(port, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  }
  async function stop(): Promise<void> {
    const ending = server;
    server = undefined;
    for (const { timer } of services.values()) clearTimeout(timer);
    services = new Map();
    index = 10;
    if (ending === undefined) return;
    const closed = once(ending, "close");
    ending.close();
    ending.closeAllConnections();
    await closed;
  }
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    token: hasAccessControl ? standInToken : undefined,
    writerToken: hasAccessControl ? standInWriterToken : undefined,
    requests,
    get blockedCount() {
      return blocked.size;
    },
    setIndex(next) {
      index = next - 1;
      changed();
    },
    fail: (next) => void (failing = next),
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function namesOf(stored: readonly Stored[]): Readonly<Record<string, readonly string[]>> {
  const names: Record<string, string[]> = { consul: [] };
  for (const { service } of stored) {
    const tags = service["Tags"] as readonly string[] | undefined;
    (names[String(service["Name"])] ??= []).push(...(tags ?? []));
  }
  return names;
}
