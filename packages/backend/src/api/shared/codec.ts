import type { ModelService } from "../../models/model-service.ts";
import type { AnswerBudget } from "./answer-budget.ts";
import type { ApiErrorCode } from "./error-catalog.ts";
import type { PreparedGeneration } from "./generation.ts";
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
  readonly answer: NamedSchema;
  /** Of a stream: one event, where it is neither an error nor the end. */
  readonly chunk?: NamedSchema;
  /** Besides those of every route. */
  readonly errors: readonly ApiErrorCode[];
}

/** What codecs work with. */
export interface ApiContext {
  readonly service: ModelService;
  readonly clock: { now(): number; epochMs(): number };
  readonly ids: () => string;
  /** Answers (prompts times `n`) that one request may ask for. */
  readonly maxChoices: number;
  readonly answers: AnswerBudget;
  /** Of the product. */
  readonly version: string;
}

interface CodecRoute {
  /** As OpenAPI writes it. A parameter is allowed at the end, and may have slashes: `/v1/models/{id}`. */
  readonly path: string;
  /** [POST] */
  readonly method?: "GET" | "POST";
  readonly description: CodecDescription;
}

/** Answers while the answer is made: with a stream of chunks, or with one long answer. */
export interface GenerationCodec extends CodecRoute {
  /** Makes operations' input of a body. @throws ApiError */
  prepare(body: unknown, context: ApiContext): PreparedGeneration;
}

/** Answers at once. */
export interface AnswerCodec extends CodecRoute {
  /**
   * Resolves with what is sent as JSON.
   * @param input the body of a POST, the path's parameters of a GET
   * @throws ApiError; the signal's reason
   */
  answer(input: unknown, context: ApiContext, signal: AbortSignal): Promise<unknown>;
}

/** One route of a wire format: a body to an operation's input, events to chunks or an answer. Knows no engine. */
export type Codec = GenerationCodec | AnswerCodec;
