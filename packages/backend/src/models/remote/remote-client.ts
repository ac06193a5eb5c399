import { BackendError, EngineRequestError } from "../../errors.ts";
import { readEvents } from "./read-events.ts";
import { protocolError, toRemoteError } from "./remote-error.ts";
import type { ResolvedRemoteOptions } from "./remote-options.ts";
import type { Dialect } from "./dialect.ts";

/** A request to the server. */
export interface RemoteRequest {
  /** Such as `/v1/completions`. */
  readonly path: string;
  /** JSON; without a body the request is a GET. */
  readonly body?: string;
  /** Closes the connection. */
  readonly signal: AbortSignal;
  /** Sent as `x-request-id`. */
  readonly requestId?: string;
  /** Maps the field names in the server's errors. */
  readonly dialect?: Dialect;
}

/** An HTTP client for one server, bounded in time and size, that follows no redirects. */
export interface RemoteClient {
  /** Requests JSON. @throws as `openEvents` does */
  getJson(request: RemoteRequest): Promise<unknown>;
  /**
   * Resolves with the data of the server-sent events once the response headers have arrived.
   * @throws BackendError, EngineRequestError: see `toRemoteError`; the signal's reason
   */
  openEvents(request: RemoteRequest): Promise<AsyncIterable<string>>;
}

/** The data of the last event of a response. */
export const endOfEvents = "[DONE]";

const maxErrorBytes = 65_536;
const restTimeoutMs = 250;
const requestIdPattern = /^[\w.:/+=@-]{1,128}$/;

/** One request in flight. */
interface Exchange {
  readonly controller: AbortController;
  /** Aborts the request after a timeout; returns a function that clears the timeout. */
  limit(timeoutMs: number, message: string): () => void;
  /** Maps an error of the platform to the error to throw. */
  reasonOf(error: unknown, isBegun: boolean): unknown;
  end(): void;
}

/** The error code of a failed connection; the platform's message may contain anything. */
function codeOf(error: unknown): string {
  const { cause, code, name } = error as { cause?: unknown; code?: unknown; name?: unknown };
  if (typeof cause === "object" && cause !== null && "code" in cause) return String(cause.code);
  return typeof code === "string" ? code : String(name);
}

/** Reads a whole body. @throws BackendError `ENGINE_PROTOCOL` if it is larger than the limit */
async function readText(response: Response, limitBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let sizeBytes = 0;
  let text = "";
  for await (const bytes of bodyOf(response)) {
    sizeBytes += bytes.byteLength;
    if (sizeBytes > limitBytes) throw protocolError(`at most ${limitBytes} bytes`, "more");
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  // Not requested; a small compressed body can expand to gigabytes.
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw protocolError("an answer that is not compressed", JSON.stringify(encoding));
  }
  if (response.body === null) throw protocolError("an answer with a body", "none");
  return response.body as AsyncIterable<Uint8Array>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw protocolError("JSON", text === "" ? "nothing" : "something else", cause);
  }
}

/** Creates a client for one server. `onUnreachable` is called when a connection fails. */
export function createRemoteClient(
  options: ResolvedRemoteOptions,
  onUnreachable: (reason: string) => void,
): RemoteClient {
  const { baseUrl, apiKey, requestTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, maxEventBytes } = options;

  const begin = (signal: AbortSignal): Exchange => {
    signal.throwIfAborted();
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      controller,
      limit: (timeoutMs, message) => {
        const timer = setTimeout(() => {
          controller.abort(new BackendError("ENGINE_UNAVAILABLE", `${message} within ${timeoutMs} ms`));
        }, timeoutMs);
        return () => clearTimeout(timer);
      },
      reasonOf: (error, isBegun) => {
        if (controller.signal.aborted) return controller.signal.reason;
        if (error instanceof BackendError || error instanceof EngineRequestError) return error;
        if (isBegun) {
          const message = `the server at ${baseUrl} ended its answer too soon (${codeOf(error)})`;
          return new BackendError("ENGINE_CRASHED", message, { cause: error });
        }
        const message = `the server at ${baseUrl} cannot be reached (${codeOf(error)})`;
        onUnreachable(message);
        return new BackendError("ENGINE_UNAVAILABLE", message, { cause: error });
      },
      end: () => {
        signal.removeEventListener("abort", onAbort);
        // Closes the connection if the response was not read to its end, so that the server stops.
        controller.abort();
      },
    };
  };

  const fail = async (response: Response, dialect: Dialect | undefined): Promise<never> => {
    const { status, headers } = response;
    if (status < 200 || (status >= 300 && status < 400)) {
      const message = `the server at ${baseUrl} answered ${status}; redirects are not followed`;
      throw new BackendError("ENGINE_UNAVAILABLE", message);
    }
    const text = await readText(response, maxErrorBytes).catch(() => "");
    let body: unknown = text;
    try {
      body = JSON.parse(text);
    } catch {
      // Not JSON, such as an error page of a proxy.
    }
    throw toRemoteError({ status, headers, body, dialect });
  };

  const send = async (exchange: Exchange, request: RemoteRequest): Promise<Response> => {
    const { path, body, requestId = "", dialect } = request;
    let response: Response;
    try {
      response = await options.fetch(`${baseUrl}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          accept: "text/event-stream, application/json",
          "accept-encoding": "identity",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(requestIdPattern.test(requestId) ? { "x-request-id": requestId } : {}),
        },
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
        signal: exchange.controller.signal,
      });
    } catch (error) {
      throw exchange.reasonOf(error, false);
    }
    return response.ok ? response : fail(response, dialect);
  };

  const getJson = async (request: RemoteRequest): Promise<unknown> => {
    const exchange = begin(request.signal);
    const stop = exchange.limit(requestTimeoutMs, `the server at ${baseUrl} did not answer ${request.path}`);
    try {
      const response = await send(exchange, request);
      return parseJson(await readText(response, maxEventBytes));
    } catch (error) {
      throw exchange.reasonOf(error, true);
    } finally {
      stop();
      exchange.end();
    }
  };

  /** Reads to the end of the body, which usually has arrived, so that the connection can be reused. */
  const readRest = async (events: AsyncGenerator<string>, exchange: Exchange): Promise<void> => {
    const stop = exchange.limit(restTimeoutMs, "the answer did not end");
    try {
      await events.next();
    } catch {
      // The response is complete; only the connection is lost.
    } finally {
      stop();
    }
  };

  async function* eventsOf(exchange: Exchange, response: Response): AsyncGenerator<string> {
    let stop = (): void => undefined;
    const onWait = (isWaiting: boolean): void => {
      stop();
      if (isWaiting) {
        stop = exchange.limit(idleTimeoutMs, `the server at ${baseUrl} sent no part of its answer`);
      }
    };
    try {
      const events = readEvents(bodyOf(response), { maxEventBytes, onWait });
      for await (const data of events) {
        if (data === endOfEvents) {
          await readRest(events, exchange);
          yield data;
          return;
        }
        yield data;
      }
    } catch (error) {
      throw exchange.reasonOf(error, true);
    } finally {
      exchange.end();
    }
  }

  const openEvents = async (request: RemoteRequest): Promise<AsyncIterable<string>> => {
    const exchange = begin(request.signal);
    const stop = exchange.limit(firstByteTimeoutMs, `the server at ${baseUrl} did not begin to answer`);
    try {
      const response = await send(exchange, request);
      const type = response.headers.get("content-type") ?? "";
      if (type.startsWith("text/event-stream")) return eventsOf(exchange, response);
      // Some servers send errors with status 200.
      const text = await readText(response, maxErrorBytes).catch(() => "");
      const error = errorIn(text);
      if (error === undefined) throw protocolError("a stream of events", JSON.stringify(type.slice(0, 80)));
      throw toRemoteError({ status: undefined, body: error, dialect: request.dialect });
    } catch (error) {
      exchange.end();
      throw error;
    } finally {
      stop();
    }
  };

  return { getJson, openEvents };
}

function errorIn(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "error" in body ? body : undefined;
  } catch {
    return undefined;
  }
}
