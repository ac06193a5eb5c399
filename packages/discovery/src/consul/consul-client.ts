import { EventEmitter } from "node:events";
import { Agent as HttpAgent, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import Consul from "consul";
import type { ServiceInstance, ServiceState } from "../discovery-provider.ts";
import { DiscoveryError } from "../errors.ts";
import type { ResolvedConsulOptions } from "./consul-options.ts";
import { mayReadService } from "./may-read-service.ts";
import { parseInstances } from "./parse-instances.ts";

/** Services of a name, and the index at which they were so. */
export interface ServiceReading {
  readonly instances: readonly ServiceInstance[];
  /** Of the header `X-Consul-Index`; 0 if there is none. */
  readonly index: bigint;
}

/** The requests that the provider makes. All reject with a `DiscoveryError`, or with the reason of the signal. */
export interface ConsulClient {
  /** Writes a registration with its state to the agent; replaces one of the same id. */
  register(instance: ServiceInstance): Promise<void>;
  /** Confirms a registration with a state; resolves to false if the agent does not know it. */
  confirm(id: string, state: ServiceState, note: string): Promise<boolean>;
  /** Removes a registration, if the agent knows it. */
  deregister(id: string): Promise<void>;
  /** Reads the services of a name; with an index, waits for a change after it. */
  readService(
    name: string,
    waiting?: { readonly index: bigint; readonly signal: AbortSignal },
  ): Promise<ServiceReading>;
  /** Reads the names of all services, with their tags. */
  readNames(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Closes all connections. */
  dispose(): void;
}

interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body?: unknown;
}

/** Makes the package return the response with the body, and cancel a request. */
type RequestContext = EventEmitter & { readonly includeResponse: true };
type Request = Readonly<Record<string, unknown>>;
type Method = (request: Request) => Promise<readonly [Answer, ...unknown[]]>;

/** What is used of the package; its own types know neither the context, the index nor headers. */
interface ConsulApi {
  readonly agent: {
    readonly service: { readonly register: Method; readonly deregister: Method };
    readonly check: { readonly pass: Method; readonly warn: Method; readonly fail: Method };
  };
  readonly health: { readonly service: Method };
  readonly catalog: { readonly service: { readonly list: Method } };
}

const confirmations = { passing: "pass", warning: "warn", critical: "fail" } as const;

/** Creates a client of one agent. */
export function createConsulClient(options: ResolvedConsulOptions): ConsulClient {
  const { url, token, datacenter, namespace, partition, tls, requestTimeoutMs, waitMs } = options;
  const agent =
    url.protocol === "https:"
      ? new HttpsAgent({ keepAlive: true, ...tls })
      : new HttpAgent({ keepAlive: true });
  const settings = {
    baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}/v1`,
    agent,
    // The package has no option for a namespace.
    headers: namespace === undefined ? {} : { "x-consul-namespace": namespace },
    defaults: {
      ...(token === undefined ? {} : { token }),
      ...(partition === undefined ? {} : { partition }),
    },
  };
  const api = new Consul(settings) as unknown as ConsulApi;
  const where = datacenter === undefined ? {} : { dc: datacenter };
  const { baseUrl } = settings;
  const mayRead = (name: string): Promise<boolean | undefined> =>
    mayReadService({ baseUrl, agent, datacenter, timeoutMs: requestTimeoutMs }, name);

  /** Calls a method of the package; resolves to an answer of 404 too. */
  async function request(
    call: (common: Request) => ReturnType<Method>,
    {
      signal,
      timeoutMs = requestTimeoutMs,
    }: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<Answer> {
    signal?.throwIfAborted();
    const context: RequestContext = Object.assign(new EventEmitter(), { includeResponse: true as const });
    const cancel = (): void => void context.emit("cancel");
    signal?.addEventListener("abort", cancel);
    try {
      const [answer] = await call({ ctx: context, timeout: timeoutMs });
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      const answer = answerOf(error);
      if (answer?.statusCode === 404) return answer;
      throw failure(options, error, answer);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  return {
    async register({ id, name, address, port, tags, metadata, state }) {
      const check = {
        name: "progress",
        ttl: `${options.ttlMs}ms`,
        status: state,
        deregistercriticalserviceafter: `${options.criticalTimeoutMs}ms`,
      };
      const service = { id, name, address, port, tags, meta: metadata, check };
      await request((common) => api.agent.service.register({ ...common, ...service }));
    },
    async confirm(id, state, note) {
      const method = confirmations[state];
      const answer = await request((common) =>
        api.agent.check[method]({ ...common, id: `service:${id}`, note }),
      );
      return answer.statusCode !== 404;
    },
    async deregister(id) {
      await request((common) => api.agent.service.deregister({ ...common, id }));
    },
    async readService(name, waiting) {
      const index = waiting?.index ?? 0n;
      // Consul adds up to a sixteenth, so that not all clients ask again at once.
      const timeoutMs = requestTimeoutMs + (index === 0n ? 0 : Math.ceil((waitMs * 17) / 16));
      const blocking = index === 0n ? {} : { index: String(index), wait: `${waitMs}ms` };
      const answer = await request(
        (common) => api.health.service({ ...common, ...where, ...blocking, service: name }),
        { timeoutMs, ...(waiting === undefined ? {} : { signal: waiting.signal }) },
      );
      const instances = parseInstances(answer.body);
      assertComplete(options, answer, instances.length);
      const isDenied = token === undefined && answer.headers["x-consul-default-acl-policy"] === "deny";
      if (instances.length === 0 && isDenied && (await mayRead(name)) === false) throw mayNotRead(options);
      return { instances, index: parseIndex(answer.headers["x-consul-index"]) };
    },
    async readNames() {
      const answer = await request((common) => api.catalog.service.list({ ...common, ...where }));
      assertComplete(options, answer, 0);
      const names = typeof answer.body === "object" && answer.body !== null ? answer.body : {};
      return new Map(
        Object.entries(names).map(([name, tags]: [string, unknown]) => [
          name,
          Array.isArray(tags) ? tags.map(String) : [],
        ]),
      );
    },
    dispose: () => agent.destroy(),
  };
}

function parseIndex(header: string | readonly string[] | undefined): bigint {
  return typeof header === "string" && /^\d{1,20}$/.test(header) ? BigInt(header) : 0n;
}

/** Without the right to read a service, Consul answers with an empty list and says so in a header. */
function assertComplete(options: ResolvedConsulOptions, { headers }: Answer, count: number): void {
  if (count === 0 && headers["x-consul-results-filtered-by-acls"] === "true") throw mayNotRead(options);
}

function mayNotRead({ url, token }: ResolvedConsulOptions): DiscoveryError {
  const got = token === undefined ? "no token" : "one whose results are filtered";
  return new DiscoveryError(
    "REGISTRY_REFUSED",
    `Consul at ${url.origin}: expected a token that may read services and nodes, got ${got}`,
  );
}

function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !("response" in error)) return undefined;
  const { response } = error;
  const isAnswer = typeof response === "object" && response !== null && "statusCode" in response;
  return isAnswer ? (response as Answer) : undefined;
}

function failure({ url }: ResolvedConsulOptions, cause: unknown, answer?: Answer): DiscoveryError {
  const status = answer?.statusCode ?? 0;
  const text = typeof answer?.body === "string" ? answer.body.trim().slice(0, 200) : "";
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const got = status === 0 ? reason : `the status ${status}${text === "" ? "" : ` (${text})`}`;
  // The client's fault, except for a timeout and too many requests.
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new DiscoveryError(
    isRefused ? "REGISTRY_REFUSED" : "REGISTRY_UNAVAILABLE",
    `Consul at ${url.origin}: expected an answer, got ${got}`,
    { cause },
  );
}
