import { parseJson, type Answer } from "./answer.ts";
import { CaseEnd } from "./conformance-case.ts";
import { readBody } from "./read-body.ts";

export interface RequestOptions {
  /** Whether the path is under the API (`/v1`, the default) or under its root. */
  readonly under?: "api" | "root";
  readonly headers?: Readonly<Record<string, string>>;
  /** Equal requests are sent once and share the answer, except where this is true. */
  readonly isFresh?: boolean;
}

/** An answer that is still being sent. */
export interface OpenAnswer {
  /** Resolves when the first bytes of its body are there. */
  readonly begun: Promise<void>;
  /** Closes the connection. */
  abort(): void;
}

/** The server that the cases ask. */
export interface ProbedServer {
  readonly model: string;
  readonly apiKey: string | undefined;
  /** @throws CaseEnd `skipped` if there is no answer in time; `deviates` if there is none, or it is too large */
  get(path: string, options?: RequestOptions): Promise<Answer>;
  /** A body that is a string is sent as it is. @throws CaseEnd as `get` does */
  post(path: string, body: unknown, options?: RequestOptions): Promise<Answer>;
  open(path: string, body: unknown): OpenAnswer;
}

export interface ProbedServerOptions {
  /** With the version, without a slash at the end: `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token. Clients that have none send a text that means nothing. */
  readonly apiKey: string | undefined;
  /** Limit of one request. */
  readonly timeoutMs: number;
  /** Ends all requests. */
  readonly signal: AbortSignal;
  readonly fetch?: typeof fetch;
}

/** What clients send that are not given a key. */
const noKey = "none";

/** The code of a failed connection. */
function codeOf(error: unknown): string {
  const { cause, name, message } = error as Error;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : message || name;
}

/** Creates the client of the cases: bounded in time and size, without retries and redirects. */
export function createProbedServer(options: ProbedServerOptions): ProbedServer {
  const { baseUrl, model, apiKey, timeoutMs, signal } = options;
  const request = options.fetch ?? fetch;
  const answers = new Map<string, Promise<Answer>>();

  const send = (path: string, body: unknown, asked: RequestOptions & { readonly end: AbortSignal }) => {
    const { under = "api", headers = {}, end } = asked;
    return request(`${under === "api" ? baseUrl : baseUrl.replace(/\/v1$/, "")}${path}`, {
      method: body === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: {
        authorization: `Bearer ${apiKey ?? noKey}`,
        ...(apiKey === undefined ? {} : { "x-api-key": apiKey }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      signal: end,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  };

  const ask = async (path: string, body: unknown, asked: RequestOptions): Promise<Answer> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await send(path, body, { ...asked, end: AbortSignal.any([signal, timeout]) });
      const text = await readBody(response);
      return { status: response.status, headers: response.headers, text, json: parseJson(text) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CaseEnd) throw error;
      // Of a slow server nothing can be said.
      if (timeout.aborted) throw new CaseEnd("skipped", `no whole answer within ${timeoutMs} ms`);
      throw new CaseEnd("deviates", `no answer: ${codeOf(error)}`);
    }
  };

  const askOnce = (path: string, body: unknown, asked: RequestOptions = {}): Promise<Answer> => {
    if (asked.isFresh === true) return ask(path, body, asked);
    const key = JSON.stringify([path, body, asked]);
    const known = answers.get(key) ?? ask(path, body, asked);
    answers.set(key, known);
    return known;
  };

  return {
    model,
    apiKey,
    get: (path, asked) => askOnce(path, undefined, asked),
    post: (path, body, asked) => askOnce(path, body, asked),
    open: (path, body) => {
      const controller = new AbortController();
      const timeout = AbortSignal.timeout(timeoutMs);
      const begin = async (): Promise<void> => {
        const end = AbortSignal.any([signal, timeout, controller.signal]);
        const response = await send(path, body, { end });
        await response.body?.getReader().read();
      };
      return { begun: begin(), abort: () => controller.abort() };
    },
  };
}
