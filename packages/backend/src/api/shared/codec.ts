import type { ApiContext } from "./api-context.ts";
import type { PreparedGeneration } from "./generation.ts";

/** A route of a wire format whose answer is made while it is sent: a stream of chunks, or one long answer. */
export interface GenerationCodec {
  /** Where bodies are posted. */
  readonly path: string;
  /** Makes operations' input of a body. @throws ApiError */
  prepare(body: unknown, context: ApiContext): PreparedGeneration;
}

/** A route of a wire format that answers at once. */
export interface AnswerCodec {
  /** Where bodies are posted. */
  readonly path: string;
  /** Resolves with what is sent as JSON. @throws ApiError; the signal's reason */
  answer(body: unknown, context: ApiContext, signal: AbortSignal): Promise<unknown>;
}

/** Between a wire format and operations: a body to input, events to chunks or an answer. Knows no engine. */
export type Codec = GenerationCodec | AnswerCodec;
