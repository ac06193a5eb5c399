import type { ModelService } from "../../models/model-service.ts";
import type { ItemStore } from "../../store/item-store.ts";
import type { AnswerBudget } from "./answer-budget.ts";
import type { ApiErrorCode } from "./error-catalog.ts";
import type { PreparedGeneration } from "./generation.ts";
import type { HeldResponses } from "./held-responses.ts";
import type { JsonMap, NamedSchema } from "./json-schema.ts";

/** A model as the document shows it. */
export interface DescribedModel {
  readonly id: string;
  /** Unknown while the model loads. */
  readonly vocabSize?: number | undefined;
}

/** A request body in the document. */
export interface BodyDescription {
  readonly name: string;
  schema(model: DescribedModel): JsonMap;
  example(model: DescribedModel): JsonMap;
  /** The names in a body that can be left out where the server is lenient. */
  ignorableNames(body: unknown): readonly string[];
}

/** A parameter of the query in the document. */
export interface QueryParameter {
  readonly name: string;
  readonly schema: JsonMap;
}

/** What the OpenAPI document says of a codec. */
export interface CodecDescription {
  /** The document's `operationId`. */
  readonly id: string;
  readonly summary: string;
  /** [the format's name] */
  readonly tag?: string;
  /** Its name among the links of `GET /`. [not there] */
  readonly link?: string;
  /** Of a POST. */
  readonly body?: BodyDescription;
  /** [none] */
  readonly query?: readonly QueryParameter[];
  readonly answer: NamedSchema;
  /** Of a stream: one event, where it is neither an error nor the end. */
  readonly chunk?: NamedSchema;
  /** Besides those of every route. */
  readonly errors: readonly ApiErrorCode[];
}

/** Responses and conversations that are kept. */
export interface Storage {
  readonly store: ItemStore;
  /** Ids of conversations that a response works on, or that are changed. */
  readonly busyConversations: Set<string>;
}

/** What codecs work with. */
export interface ApiContext {
  readonly service: ModelService;
  readonly clock: { now(): number; epochMs(): number };
  readonly ids: () => string;
  /** Answers (prompts times `n`) that one request may ask for. */
  readonly maxChoices: number;
  readonly answers: AnswerBudget;
  readonly held: HeldResponses;
  /** [nothing is stored] */
  readonly storage?: Storage | undefined;
  /** Of the product. */
  readonly version: string;
}

/** What a route is asked. */
export interface ApiRequest {
  /** Of a POST; `undefined` where none was sent. */
  readonly body: unknown;
  /** The path's parameters. */
  readonly path: Readonly<Record<string, string>>;
  /** A name that occurs several times has several values. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
}

interface CodecRoute {
  /** As OpenAPI writes it: `/v1/models/{id}`. */
  readonly path: string;
  /** The parameter at the end of the path may have slashes. [false] */
  readonly mayHaveSlashes?: boolean;
  /** [POST] */
  readonly method?: "GET" | "POST" | "DELETE";
  readonly description: CodecDescription;
}

/** Answers while the answer is made: with a stream of chunks, or with one long answer. */
export interface GenerationCodec extends CodecRoute {
  /** Makes operations' input of a request. @throws ApiError */
  prepare(request: ApiRequest, context: ApiContext): PreparedGeneration;
}

/** Answers at once. */
export interface AnswerCodec extends CodecRoute {
  /** Resolves with what is sent as JSON. @throws ApiError; the signal's reason */
  answer(request: ApiRequest, context: ApiContext, signal: AbortSignal): Promise<unknown>;
  /** Answers with events in its place, where a request asks for them. @throws ApiError */
  follow?(request: ApiRequest, context: ApiContext): Promise<PreparedGeneration | undefined>;
}

/** One route of a wire format: a body to an operation's input, events to chunks or an answer. Knows no engine. */
export type Codec = GenerationCodec | AnswerCodec;
