import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

/** A request to a backend; its body is whole. */
export interface UpstreamCall {
  readonly url: URL;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/** How long backends may take. */
export interface UpstreamLimits {
  /** Time to connect. */
  readonly connectTimeoutMs: number;
  /** A backend that sends nothing for this long has failed. */
  readonly silenceTimeoutMs: number;
}

/** Connections to backends, which are kept for later requests. */
export interface Upstream extends Disposable {
  /** Sends a request over a connection that is kept, or over a new one. */
  send(call: UpstreamCall, options?: { readonly isFresh: boolean }): ClientRequest;
}

/** A backend did not answer in time. */
class BackendSilentError extends Error {
  override readonly name: string = "BackendSilentError";
  readonly code: string = "ETIMEDOUT";
}

/** Idle connections to one backend. */
const maxFreeSockets = 256;

/** The path at a backend: its URL is the server's, or its API's where it has a path. */
function targetAt(url: URL, target: string): string {
  const base = url.pathname.replace(/\/+$/, "");
  if (base === "") return target;
  if (target === "/v1" || target.startsWith("/v1/") || target.startsWith("/v1?")) {
    return base + target.slice(3);
  }
  return base.replace(/\/v1$/, "") + target;
}

/** Creates connections to backends. The limits are read for each request. */
export function createUpstream(limits: () => UpstreamLimits): Upstream {
  const options = { keepAlive: true, maxFreeSockets, scheduling: "lifo", noDelay: true } as const;
  const http = new HttpAgent(options);
  const https = new HttpsAgent(options);

  const limitTimes = (request: ClientRequest): void => {
    const fail = (what: string, timeoutMs: number): void => {
      request.destroy(new BackendSilentError(`expected the backend to ${what} within ${timeoutMs} ms`));
    };
    const { connectTimeoutMs, silenceTimeoutMs } = limits();
    request.setTimeout(silenceTimeoutMs, () => fail("send something", silenceTimeoutMs));
    request.once("socket", (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => fail("accept a connection", connectTimeoutMs), connectTimeoutMs);
      const stop = (): void => clearTimeout(timer);
      socket.once("connect", stop).once("close", stop);
    });
  };

  return {
    send({ url, method, target, headers, body }, { isFresh } = { isFresh: false }) {
      const isSecure = url.protocol === "https:";
      const agent = isSecure ? https : http;
      const request = (isSecure ? httpsRequest : httpRequest)({
        hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port === "" ? undefined : url.port,
        method,
        path: targetAt(url, target),
        headers,
        agent: isFresh ? false : agent,
      });
      limitTimes(request);
      request.end(body);
      return request;
    },
    [Symbol.dispose]() {
      http.destroy();
      https.destroy();
    },
  };
}
