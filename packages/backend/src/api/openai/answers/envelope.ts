import { createHash } from "node:crypto";
import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerUsage } from "../../../operations/token-delta.ts";
import type { ApiContext } from "../../shared/codec.ts";
import { jsonPieces } from "../../shared/generation/json-pieces.ts";
import {
  arraySchema,
  integerSchema,
  objectSchema,
  orNullSchema,
  textSchema,
  type JsonMap,
  type NamedSchema,
} from "../../shared/json-schema.ts";
import { promptLogprobsField } from "./prompt-logprobs.ts";

/** What all chunks of one stream, and the whole answer, have in common. */
export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly systemFingerprint: string;
}

/** Changes when the same seed may give another text: another model, executor or version. */
function systemFingerprint(model: ServedModel, version: string): string {
  const { id, family, parameterCount, executor, quantization, contextTokens } = model;
  const parts = [version, id, family, parameterCount, executor, quantization, contextTokens];
  return `fp_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 10)}`;
}

/** Describes an answer that begins now. */
export function createAnswerHead(id: string, model: ServedModel, context: ApiContext): AnswerHead {
  return {
    id,
    created: Math.floor(context.clock.epochMs() / 1000),
    model: model.id,
    systemFingerprint: systemFingerprint(model, context.version),
  };
}

/** OpenAI's token counts. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: {
    readonly reasoning_tokens: number;
    /** Where the request has a prediction. */
    readonly accepted_prediction_tokens?: number;
    readonly rejected_prediction_tokens?: number;
  };
}

/** Writes token counts as OpenAI does. */
export function toUsage(usage: AnswerUsage): Usage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedPromptTokens },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens ?? 0,
      ...(usage.prediction && {
        accepted_prediction_tokens: usage.prediction.acceptedTokens,
        rejected_prediction_tokens: usage.prediction.rejectedTokens,
      }),
    },
  };
}

/** The first fields of a chunk or a whole answer, in OpenAI's order. */
function headFields(
  { id, created, model, systemFingerprint: fingerprint }: AnswerHead,
  object: string,
): object {
  return { id, object, created, model, system_fingerprint: fingerprint };
}

/** Writes the whole answer, in pieces. @param choices may hold `JsonParts` */
export function wholeAnswer(
  head: AnswerHead,
  answer: {
    readonly object: string;
    readonly choices: readonly unknown[];
    readonly usage: Usage;
    readonly fields?: object | undefined;
  },
): Iterable<string> {
  const { object, choices, usage, fields } = answer;
  return jsonPieces({ ...headFields(head, object), choices, usage, ...fields });
}

/** Writes the chunks of one stream. */
export interface ChunkWriter {
  /** @param choice JSON text of the only choice @param usage so far; only where the client asked for it */
  chunk(choice: string, usage?: Usage): string;
  /** The last one: no choices. */
  usage(usage: Usage): string;
}

/**
 * Creates a writer; with `hasUsage`, chunks without usage say `null` as OpenAI's do. What chunks have in common is
 * made into JSON once: see docs/decisions/0012-json-by-hand.md.
 */
export function createChunkWriter(
  head: AnswerHead,
  options: { readonly object: string; readonly hasUsage: boolean },
): ChunkWriter {
  const prefix = `${JSON.stringify(headFields(head, options.object)).slice(0, -1)},"choices":[`;
  const suffix = options.hasUsage ? `],"usage":null}` : "]}";
  const withUsage = (usage: Usage): string => `],"usage":${JSON.stringify(usage)}}`;
  return {
    chunk: (choice, usage) => prefix + choice + (usage === undefined ? suffix : withUsage(usage)),
    usage: (usage) => prefix + withUsage(usage),
  };
}

const usageSchema = objectSchema({
  prompt_tokens: integerSchema,
  completion_tokens: integerSchema,
  total_tokens: integerSchema,
  prompt_tokens_details: objectSchema({ cached_tokens: integerSchema }),
  completion_tokens_details: objectSchema(
    {
      reasoning_tokens: integerSchema,
      accepted_prediction_tokens: integerSchema,
      rejected_prediction_tokens: integerSchema,
    },
    ["reasoning_tokens"],
  ),
});

function envelope(object: string, choice: JsonMap): JsonMap {
  return {
    id: textSchema,
    object: { const: object },
    created: integerSchema,
    model: textSchema,
    system_fingerprint: textSchema,
    choices: arraySchema(choice),
  };
}

/** Only where it is asked for. */
const promptTokenIdsField: JsonMap = { prompt_token_ids: arraySchema(integerSchema) };

export const finishReasonSchema: JsonMap = { enum: ["stop", "length", null] };

/** Of a whole answer. @param object its field of that name */
export function answerSchema(name: string, object: string, choice: JsonMap): NamedSchema {
  const fields = { ...envelope(object, choice), usage: usageSchema };
  return {
    name,
    schema: objectSchema({ ...fields, ...promptTokenIdsField, ...promptLogprobsField }, Object.keys(fields)),
  };
}

/** Of a chunk. @param object its field of that name */
export function chunkSchema(name: string, object: string, choice: JsonMap): NamedSchema {
  const fields = envelope(object, choice);
  const schema = objectSchema(
    { ...fields, usage: orNullSchema(usageSchema), ...promptTokenIdsField },
    Object.keys(fields),
  );
  return { name, schema };
}
