import type { ApiError } from "./api-error.ts";
import type { Codec } from "./codec.ts";
import type { ApiErrorCode } from "./error-catalog.ts";
import type { StreamEvent } from "./generation.ts";
import type { JsonMap, NamedSchema } from "./json-schema.ts";
import type { SessionFormat } from "./session.ts";

/** Top-level fields of which JSON.parse would lose something. */
export interface ExactFields {
  /** Objects that are handed on as the client wrote them; `jsonTextOf` reads them. */
  readonly texts: readonly string[];
  /** Arrays that are handed on in the same way. [none] */
  readonly arrayTexts?: readonly string[];
  /** Integers of up to 64 bits, which come as `bigint` where a double would round them. */
  readonly wideIntegers: readonly string[];
}

/** How a format writes errors. */
export interface ErrorFormat {
  toBody(error: ApiError, requestId: string): JsonMap;
  /** The last event of a stream that fails after it began. */
  toEvent(error: ApiError, requestId: string): StreamEvent;
  /** Of bodies, for the OpenAPI document. */
  readonly schema: NamedSchema;
  /** What the schema says in addition where only these codes are possible. */
  schemaOf(codes: readonly ApiErrorCode[]): JsonMap;
}

/** Everything that is a matter of one wire format. A new one is a folder and a line in `api/wire-formats.ts`. */
export interface WireFormat {
  readonly name: string;
  readonly codecs: readonly Codec[];
  readonly errors: ErrorFormat;
  /** A header that repeats `x-request-id`. [none] */
  readonly requestIdHeader?: string;
  /** The last event of a stream that succeeds. [none] */
  readonly streamEnd?: StreamEvent;
  /** [none] */
  readonly exactFields?: ExactFields;
  /** What its WebSockets speak. [none] */
  readonly session?: SessionFormat;
}

/** The formats of a server. The first one writes the errors of paths that belong to none. */
export type WireFormats = readonly [WireFormat, ...WireFormat[]];
