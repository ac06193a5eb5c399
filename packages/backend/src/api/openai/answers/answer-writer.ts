import type { AnswerSize } from "../../../models/answer-memory.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import type { AdmissionRequest } from "../../shared/generation/admit.ts";
import type { GenerationPlan } from "../../shared/generation/start-generation.ts";
import type { DeltaListeners, TrackedDelta, TrackedReplies } from "../../shared/generation/track-progress.ts";
import type { StreamOptions } from "../parameters/sampling-fields.ts";
import { createChunkWriter, toUsage, wholeAnswer, type AnswerHead } from "./envelope.ts";

/** Writes the choices of one request: either those of chunks, or the whole ones. */
export interface ChoiceWriter extends DeltaListeners {
  /** JSON texts of choices, each for a chunk of its own; those of one batch are sent together. */
  chunkChoices(reply: TrackedDelta): Iterable<readonly string[]>;
  collect(reply: TrackedDelta): void;
  /** What was collected, in the order of the indices; may hold `JsonParts`. */
  choices(): readonly unknown[];
}

/** How an answer is written. */
export interface AnswerForm {
  readonly head: AnswerHead;
  readonly object: { readonly chunk: string; readonly whole: string };
  readonly streamOptions: StreamOptions | undefined;
}

async function* writeChunks(
  replies: TrackedReplies,
  writer: ChoiceWriter,
  { head, object, streamOptions = {} }: AnswerForm,
): AsyncGenerator<readonly string[]> {
  const { include_usage: hasUsage = false, continuous_usage_stats: isContinuous } = streamOptions;
  const chunks = createChunkWriter(head, { object: object.chunk, hasUsage });
  for await (const reply of replies.deltas(writer)) {
    const usage = isContinuous === true ? toUsage(replies.usage()) : undefined;
    for (const batch of writer.chunkChoices(reply)) yield batch.map((choice) => chunks.chunk(choice, usage));
  }
  if (hasUsage) yield [chunks.usage(toUsage(replies.usage()))];
}

async function collect(
  replies: TrackedReplies,
  writer: ChoiceWriter,
  { head, object }: AnswerForm,
): Promise<Iterable<string>> {
  for await (const reply of replies.deltas(writer)) writer.collect(reply);
  const usage = toUsage(replies.usage());
  return wholeAnswer(head, { object: object.whole, choices: writer.choices(), usage });
}

/** Writes an answer of which a codec writes the choices. */
export function writeAnswer(writer: ChoiceWriter, form: AnswerForm): GenerationPlan["write"] {
  return (replies) => ({
    collect: async () => collect(replies, writer, form),
    chunks: () => writeChunks(replies, writer, form),
  });
}

/** How large the answers to all prompts can become; prompts that are echoed with log-probabilities are tokens by now. */
export function sizeOfAnswer(admissions: readonly AdmissionRequest[], model: ServedModel): AnswerSize {
  const [first] = admissions;
  const { n = 1, stopping, logprobs } = first?.request ?? {};
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
    candidateCount: logprobs === undefined ? 0 : logprobs + 1,
    echoedTokens,
    param: answerCount > 1 ? "n" : echoedTokens > 0 ? "logprobs" : "max_tokens",
  };
}
