import type { Logger } from "pino";
import { ApiError } from "../../api/shared/api-error.ts";
import type { BodyReader } from "../../http/body/body-reader.ts";
import type { Lease, LeaseOutcome, Router } from "../router.ts";
import { runAttempt, type AttemptEnd, type Refusal } from "./attempt.ts";
import { sendWhole, type Client } from "./client.ts";
import { idIn, keepsAnswers, subjectOf, type Owners } from "./owners.ts";
import { requestHeaders } from "./pass-headers.ts";
import { readBodyRoute } from "../../http/body/body-route.ts";
import { toRouteRequest, withModel } from "./read-route.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { Upstream } from "./upstream.ts";

/** One attempt, for metrics. */
export interface AttemptSample {
  readonly backend: string;
  readonly outcome: LeaseOutcome;
}

export interface ProxyOptions {
  readonly router: Router;
  readonly upstream: Upstream;
  readonly bodies: Pick<BodyReader, "read">;
  readonly budget: RetryBudget;
  readonly owners: Owners;
  readonly limits: () => { readonly maxAttempts: number };
  readonly logger: Logger;
  readonly onAttempt: (sample: AttemptSample) => void;
}

/** What is known of a request once it was answered; never its content. */
export interface ProxyRecord {
  model: string | undefined;
  /** The last one that was tried. */
  backend: string | undefined;
  attemptCount: number;
  bodyBytes: number;
  error: ApiError | undefined;
}

/** A target without its query. */
export function pathOf(target: string): string {
  const [path = ""] = target.split("?", 1);
  return path;
}

function hasBody({ headers }: Client["request"]): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Codes of answers that say that another backend may keep what the request refers to. */
const notHere = /"code"\s*:\s*"(?:previous_response|response|conversation|item)_not_found"/;

/** Statuses of a backend that takes no requests now. */
export function isBusy(status: number): boolean {
  return status === 429 || status === 502 || status === 503;
}

/** Of several refusals the one that asks for the shortest wait. */
function better(one: Refusal | undefined, other: Refusal): Refusal {
  if (one === undefined || !isBusy(one.status)) return other;
  if (!isBusy(other.status)) return one;
  return (other.retryAfterMs ?? Infinity) < (one.retryAfterMs ?? Infinity) ? other : one;
}

function allFailed(cause: unknown): ApiError {
  return new ApiError("backend_failed", "Each backend that was tried failed before it answered", { cause });
}

function brokenOff(cause: unknown): ApiError {
  return new ApiError("backend_failed", "The backend failed in the middle of its answer; please retry", {
    cause,
  });
}

/** Answers a request with the answer of a backend, and tries others while the client has got nothing. */
export async function proxyRequest(
  client: Client,
  target: string,
  { options, record }: { readonly options: ProxyOptions; readonly record: ProxyRecord },
): Promise<void> {
  const { router, upstream, bodies, budget, owners, logger } = options;
  const { request, signal, requestId } = client;
  const { method = "GET" } = request;
  const path = pathOf(target);
  const received = hasBody(request) ? await bodies.read(request) : undefined;
  client.response.once("close", () => received?.share.release());
  const body = received?.bytes;
  record.bodyBytes = body?.length ?? 0;
  const route = readBodyRoute(body);
  record.model = route.model;
  const subject = subjectOf(path) ?? route.continues;
  const owner = subject === undefined ? undefined : owners.of(subject);
  const isSearch = subject !== undefined && owner === undefined;
  const asked = toRouteRequest({ path, headers: request.headers }, route, owner);
  const tried = new Set<string>();
  let refusal: Refusal | undefined;
  let failure: unknown;

  const acquire = async (): Promise<Lease | undefined> => {
    try {
      return await router.acquire(asked, tried, signal);
    } catch (error) {
      // What was tried says more than that nothing is left.
      if (tried.size > 0 && !signal.aborted) return undefined;
      throw error;
    }
  };
  const attempt = async (lease: Lease): Promise<AttemptEnd> => {
    const { backend, upstreamModel } = lease;
    const bytes = body && withModel(body, route, upstreamModel);
    const bodyBytes = bytes?.length ?? (method === "GET" || method === "HEAD" ? undefined : 0);
    const call = {
      url: backend.url,
      method,
      target,
      headers: requestHeaders(request, { backend, requestId, bodyBytes, leftMs: client.leftMs?.() }),
      body: bytes,
    };
    return runAttempt({
      client,
      lease,
      send: (how) => upstream.send(call, how),
      mayRefuse: (status) => isBusy(status) || (isSearch && (status === 404 || status === 400)),
      isRefusal: (status, text) => isBusy(status) || notHere.test(text.toString("latin1")),
      onContent: (first) => {
        const id = keepsAnswers(method, path) ? idIn(first) : subject;
        if (id !== undefined) owners.set(id, backend.id);
      },
    });
  };
  const isUntried = (id: string): boolean => !tried.has(id);
  const mayRetry = (end: AttemptEnd): boolean => {
    const isRefused = end.outcome === "refused";
    if (isRefused && !isBusy(end.refusal.status)) return true;
    // After a failure the router also waits for one that is away.
    const isAnyLeft = isRefused
      ? router.backends().some(({ id }) => isUntried(id))
      : router.models().some(({ backends }) => backends.some(isUntried));
    if (!isAnyLeft) return false;
    return tried.size < options.limits().maxAttempts && budget.take();
  };

  budget.onRequest();
  for (;;) {
    const lease = await acquire();
    if (lease === undefined) break;
    const { backend } = lease;
    tried.add(backend.id);
    record.backend = backend.id;
    record.attemptCount += 1;
    let end: AttemptEnd = { outcome: "cancelled" };
    try {
      end = await attempt(lease);
    } finally {
      lease.end(end.outcome);
      options.onAttempt({ backend: backend.id, outcome: end.outcome });
    }
    if (end.outcome === "completed") return;
    signal.throwIfAborted();
    if (end.outcome === "failed-midstream") throw brokenOff(end.cause);
    if (end.outcome === "refused") {
      refusal = better(refusal, end.refusal);
    } else if (end.outcome === "failed-before-first-byte") {
      failure = end.cause;
      logger.warn({ requestId, backend: backend.id, err: end.cause }, "a backend failed before it answered");
    }
    if (!mayRetry(end)) break;
  }
  if (refusal === undefined || client.response.headersSent) throw allFailed(failure);
  sendWhole(client, refusal);
}
