import { expandIteration, Several } from "../../../iteration/map-iteration.ts";
import type { AdmissionRequest } from "../../../conversation/open-generation.ts";
import type { AnswerSize } from "../../../models/answer-memory.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import type { ApiContext } from "../../shared/codec.ts";
import type { PreparedGeneration } from "../../shared/generation.ts";
import { startGeneration } from "../../shared/generation/start-generation.ts";
import type { DeltaListeners, TrackedDelta, TrackedReplies } from "../../shared/generation/track-progress.ts";
import type { FieldNames } from "../../shared/to-api-error.ts";
import { engineParamNames } from "../parameters/engine-params.ts";
import { readConstraint } from "../parameters/structured-output.ts";
import type { SamplingBody, SamplingParameters, StreamOptions } from "../parameters/sampling-fields.ts";
import { withFields } from "./token-ids.ts";
import {
  createAnswerHead,
  createChunkWriter,
  toUsage,
  wholeAnswer,
  type AnswerHead,
  type Usage,
} from "./envelope.ts";

/** Writes the choices of one request: either those of chunks, or the whole ones. */
export interface ChoiceWriter extends DeltaListeners {
  /** Values of the field `object`. */
  readonly object: { readonly chunk: string; readonly whole: string };
  /** JSON texts of choices, each for a chunk of its own; those of one batch, which is the caller's, are sent together. */
  chunkChoices(reply: TrackedDelta): Iterable<string[]>;
  collect(reply: TrackedDelta): void;
  /** What was collected, in the order of the indices; may hold `JsonParts`. */
  choices(): readonly unknown[];
  /** More fields of the whole answer, and of the first chunk. [none] */
  answerFields?(): object;
}

/** What an answer is written with. */
interface AnswerForm {
  readonly head: AnswerHead;
  readonly writer: ChoiceWriter;
  readonly streamOptions: StreamOptions | undefined;
}

function writeChunks(
  replies: TrackedReplies,
  { head, writer, streamOptions = {} }: AnswerForm,
): AsyncIterable<readonly string[]> {
  const { include_usage: hasUsage = false, continuous_usage_stats: isContinuous } = streamOptions;
  const chunks = createChunkWriter(head, { object: writer.object.chunk, hasUsage });
  let isFirst = true;
  const write = (batch: string[], usage: Usage | undefined): readonly string[] => {
    for (let at = 0; at < batch.length; at += 1) batch[at] = chunks.chunk(batch[at]!, usage);
    const [first] = batch;
    if (isFirst && first !== undefined) batch[0] = withFields(first, writer.answerFields?.() ?? {});
    isFirst = false;
    return batch;
  };
  function* writeAll(batches: Iterable<string[]>, usage: Usage | undefined): Generator<readonly string[]> {
    for (const batch of batches) yield write(batch, usage);
  }
  async function* writeUsage(): AsyncGenerator<readonly string[]> {
    yield [chunks.usage(toUsage(replies.usage()))];
  }
  return expandIteration<TrackedDelta, readonly string[]>(replies.deltas(writer)[Symbol.asyncIterator](), {
    map: (reply) => {
      const usage = isContinuous === true ? toUsage(replies.usage()) : undefined;
      const batches = writer.chunkChoices(reply);
      if (!Array.isArray(batches) || batches.length > 1) return new Several(writeAll(batches, usage));
      const [batch]: readonly string[][] = batches;
      return batch && write(batch, usage);
    },
    rest: hasUsage ? writeUsage : undefined,
  });
}

async function collect(replies: TrackedReplies, { head, writer }: AnswerForm): Promise<Iterable<string>> {
  for await (const reply of replies.deltas(writer)) writer.collect(reply);
  const usage = toUsage(replies.usage());
  return wholeAnswer(head, {
    object: writer.object.whole,
    choices: writer.choices(),
    usage,
    fields: writer.answerFields?.(),
  });
}

/** How large the answers to all prompts can become; prompts that are echoed with log-probabilities are tokens by now. */
export function sizeOfAnswer(admissions: readonly AdmissionRequest[], model: ServedModel): AnswerSize {
  const [first] = admissions;
  const { n = 1, stopping, logprobs, promptLogprobs } = first?.request ?? {};
  const { contextTokens = Number.POSITIVE_INFINITY } = model;
  const answerCount = n * admissions.length;
  let echoedTokens = 0;
  for (const { request } of admissions) {
    if (request.promptLogprobs === undefined) continue;
    echoedTokens += request.prompt.kind === "tokens" ? request.prompt.tokenIds.length : contextTokens;
  }
  return {
    answerCount,
    maxTokens: Math.min(stopping?.maxTokens ?? contextTokens, contextTokens),
    candidateCount: 1 + Math.max(logprobs ?? -1, promptLogprobs ?? -1),
    echoedTokens,
    param: answerCount > 1 ? "n" : echoedTokens > 0 ? "logprobs" : "max_tokens",
  };
}

/** A checked request, and what a codec makes of it. */
export interface AnswerPlan {
  readonly id: string;
  readonly body: SamplingBody;
  readonly model: ServedModel;
  /** The field of the prompt. */
  readonly promptParam: string;
  /** What the engine is asked, and who writes the choices. */
  resolve(
    signal: AbortSignal,
  ): Promise<{ readonly admissions: readonly AdmissionRequest[]; readonly writer: ChoiceWriter }>;
}

/** What the request calls its constraint: without one for the content, there are tools. */
function constraintName(body: SamplingParameters): Readonly<Record<string, string>> {
  return { constraint: readConstraint(body)?.param ?? "tools" };
}

/** What a request calls the engine's fields. @param prompt the field of the prompt */
export function toFieldNames(body: SamplingParameters, prompt: string): FieldNames {
  return { prompt, others: { ...engineParamNames, ...constraintName(body) } };
}

/** Prepares a generation that is answered in OpenAI's format. */
export function prepareAnswer(plan: AnswerPlan, context: ApiContext): PreparedGeneration {
  const { id, body, model, promptParam } = plan;
  return {
    modelId: model.id,
    isStream: body.stream ?? false,
    fieldNames: toFieldNames(body, promptParam),
    start: async (signal) => {
      const { admissions, writer } = await plan.resolve(signal);
      const head = createAnswerHead(id, model, context);
      const form = { head, writer, streamOptions: body.stream_options };
      const size = sizeOfAnswer(admissions, model);
      const write = (replies: TrackedReplies) => ({
        collect: async () => collect(replies, form),
        chunks: () => writeChunks(replies, form),
      });
      return startGeneration({ model, admissions, size, write }, context, signal);
    },
  };
}
