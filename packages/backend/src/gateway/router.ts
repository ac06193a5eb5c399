import type { IncomingHttpHeaders } from "node:http";

/** What routing knows of a request; nothing of it needs a model or a tokenizer. */
export interface RouteRequest {
  /** As the body or the query names it. */
  readonly model: string | undefined;
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** An estimate: the bytes of the fields that have the prompt. */
  readonly promptCharacters: number;
  /** Hashes of the first blocks of the prompt, the longest one last. */
  readonly prefixes: readonly number[];
  /** What requests of one conversation have in common. */
  readonly conversation: string | undefined;
  /** The id of the only backend that can answer, because it keeps what the request refers to. */
  readonly owner: string | undefined;
  /** The name of the client's key; there are none yet. */
  readonly keyName: string | undefined;
}

/** A server that answers requests. */
export interface Backend {
  /** Unique among all backends. */
  readonly id: string;
  /** Of the server, or of its API where it has a path: `https://models.example/openai/v1`. */
  readonly url: URL;
  /** Sent with every request: how the gateway authenticates itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it is known from. */
  readonly source: "registry" | "static";
}

/**
 * How an attempt ended. `refused`: the backend answered that it takes no request now (429 or 503). An answer with
 * another status is `completed`.
 */
export type LeaseOutcome =
  | "completed"
  | "failed-before-first-byte"
  | "failed-midstream"
  | "refused"
  | "cancelled";

/** A place on a backend for one attempt. */
export interface Lease {
  readonly backend: Backend;
  /** The name of the model there; `undefined` leaves the request as it is. */
  readonly upstreamModel: string | undefined;
  /** Called when an answer begins that is not a refusal: the backend works. */
  begin(): void;
  /** Called exactly once. */
  end(outcome: LeaseOutcome): void;
}

/** A model that backends serve, for lists. */
export interface RoutedModel {
  readonly id: string;
  readonly aliases: readonly string[];
  /** Whether a backend takes requests for it now. */
  readonly isReady: boolean;
  /** The smallest of its backends. */
  readonly contextTokens: number | undefined;
  /** Ids of its backends. */
  readonly backends: readonly string[];
}

/** Chooses the backend of each attempt. */
export interface Router {
  /**
   * Chooses a backend that was not tried yet; waits in a bounded queue where all are busy.
   * @throws ApiError 400 without a model where there are several, 404 for an unknown one, 429 for a full queue, 503
   * where no backend is left; the signal's reason
   */
  acquire(request: RouteRequest, tried: ReadonlySet<string>, signal: AbortSignal): Promise<Lease>;
  /** All models of all backends. */
  models(): readonly RoutedModel[];
  /** Backends that take requests now: they are asked for what a backend keeps. */
  backends(): readonly Backend[];
}
