import type { FinishReason, TokenLogprob } from "@infernode/inference";
import type { EngineRequest, Prompt, ServedModel } from "../engine/engine-client.ts";
import { wholeAnswer, withCommas, type AnswerHead } from "../openai/answer-head.ts";
import { invalidRequest } from "../openai/api-error.ts";
import { createChunkWriter } from "../openai/chunk-writer.ts";
import { completionRules, type CompletionBody } from "../openai/completion-schema.ts";
import { toEngineParams } from "../openai/engine-params.ts";
import { createCompletionLogprobsWriter } from "../openai/logprobs.ts";
import { parseBody } from "../openai/parse-body.ts";
import { parsePrompts } from "../openai/parse-prompts.ts";
import { admit, type AdmissionRequest } from "./admit.ts";
import type { Generation, PreparedGeneration } from "./generation.ts";
import { createAnswerHead, findModel, type OperationContext } from "./operation-context.ts";
import { trackProgress, type TrackedReplies } from "./track-progress.ts";

/** OpenAI's default for this route. */
const defaultMaxTokens = 16;

interface CompletionPlan {
  readonly id: string;
  readonly admissions: readonly AdmissionRequest[];
  readonly n: number;
  /** What each prompt's answers begin with. */
  readonly echoes: readonly string[];
}

function readEcho({ echo = false, logprobs }: CompletionBody, prompts: readonly Prompt[]): readonly string[] {
  if (!echo) return prompts.map(() => "");
  if (logprobs !== undefined) {
    throw invalidRequest("`logprobs` is not supported with `echo`: the prompt's tokens have none", {
      code: "unsupported_parameter",
      param: "logprobs",
    });
  }
  return prompts.map((prompt) => {
    if (prompt.kind === "text") return prompt.text;
    throw invalidRequest("`echo` is supported for prompts that are strings only; found token ids", {
      code: "unsupported_parameter",
      param: "echo",
    });
  });
}

function plan(body: CompletionBody, model: ServedModel, context: OperationContext): CompletionPlan {
  const prompts = parsePrompts(body.prompt, {
    vocabSize: model.vocabSize,
    contextTokens: model.contextTokens,
    maxPrompts: context.maxChoices,
    addSpecialTokens: body.add_special_tokens,
  });
  const { sampling, stopping, n, skipSpecialTokens, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: prompts.length,
    defaultMaxTokens,
  });
  const echoes = readEcho(body, prompts);
  const id = `cmpl-${context.ids()}`;
  const { logprobs } = body;
  const admissions = prompts.map((prompt, index) => {
    const request: EngineRequest = {
      id: prompts.length === 1 ? id : `${id}-${index}`,
      prompt,
      sampling,
      stopping,
      n,
      skipSpecialTokens,
      ...(logprobs === undefined ? {} : { logprobs }),
    };
    return { request, isMaxTokensDefault };
  });
  return { id, admissions, n, echoes };
}

const logprobsFields = ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const;

/** One of the answers, whole or piece by piece. */
class Answer {
  readonly #logprobsWriter = createCompletionLogprobsWriter();
  /** For each field the JSON text of its elements, made as they come. */
  readonly #logprobs = logprobsFields.map((): string[] => []);
  #hasLogprobs = false;
  #text: string;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(echo: string) {
    this.#text = echo;
  }

  add(text: string, logprobs: readonly TokenLogprob[] | undefined, reason: FinishReason | undefined): void {
    this.#text += text;
    this.#hasLogprobs ||= logprobs !== undefined;
    if (logprobs !== undefined && logprobs.length > 0) {
      const written = this.#logprobsWriter.write(logprobs);
      for (const [index, field] of logprobsFields.entries())
        this.#logprobs[index]?.push(JSON.stringify(written[field]).slice(1, -1));
    }
    this.#finishReason ??= reason;
  }

  /** What was added since the last time. */
  takePiece(index: number): string | undefined {
    const isEmpty = this.#text === "" && this.#logprobsCount === 0 && this.#finishReason === undefined;
    if (isEmpty && this.#hasBegun) return undefined;
    this.#hasBegun = true;
    const piece = [...this.toChoice(index)].join("");
    this.#text = "";
    for (const elements of this.#logprobs) elements.length = 0;
    return piece;
  }

  *toChoice(index: number): Generator<string> {
    yield `{"index":${index},"text":${JSON.stringify(this.#text)},"logprobs":`;
    if (!this.#hasLogprobs || (this.#logprobsCount === 0 && this.#finishReason === undefined)) yield "null";
    else {
      for (const [position, field] of logprobsFields.entries()) {
        yield `${position === 0 ? "{" : ","}"${field}":[`;
        yield* withCommas(this.#logprobs[position] ?? []);
        yield "]";
      }
      yield "}";
    }
    yield `,"finish_reason":${JSON.stringify(this.#finishReason ?? null)}}`;
  }

  get #logprobsCount(): number {
    return this.#logprobs[0]?.length ?? 0;
  }
}

function createAnswers({ echoes, n }: CompletionPlan): readonly Answer[] {
  return echoes.flatMap((echo) => Array.from({ length: n }, () => new Answer(echo)));
}

async function* writeChunks(
  tracked: TrackedReplies,
  head: AnswerHead,
  request: { readonly planned: CompletionPlan; readonly body: CompletionBody },
): AsyncGenerator<readonly string[]> {
  const { planned, body } = request;
  const { include_usage: includeUsage, continuous_usage_stats: continuous } = body.stream_options ?? {};
  const writer = createChunkWriter(head, { object: "text_completion", hasUsage: includeUsage === true });
  const answers = createAnswers(planned);
  for await (const { requestIndex, delta } of tracked.deltas()) {
    const index = requestIndex * planned.n + delta.index;
    const answer = answers[index];
    answer?.add(delta.text, delta.logprobs, delta.finishReason);
    const piece = answer?.takePiece(index);
    if (piece !== undefined) yield [writer.chunk(piece, continuous === true ? tracked.usage() : undefined)];
  }
  if (includeUsage === true) yield [writer.usage(tracked.usage())];
}

async function collect(
  tracked: TrackedReplies,
  head: AnswerHead,
  planned: CompletionPlan,
): Promise<readonly string[]> {
  const answers = createAnswers(planned);
  for await (const { requestIndex, delta } of tracked.deltas()) {
    answers[requestIndex * planned.n + delta.index]?.add(delta.text, delta.logprobs, delta.finishReason);
  }
  const choices = answers.map((answer, index) => answer.toChoice(index));
  return wholeAnswer(head, { object: "text_completion", choices, usage: tracked.usage() });
}

/**
 * Prepares the continuation of one or more prompts: `POST /v1/completions`.
 * @throws ApiError 400, 404, 503
 */
export function prepareCompletion(input: unknown, context: OperationContext): PreparedGeneration {
  const body = parseBody(input, completionRules);
  const model = findModel(context.engine, body.model);
  const planned = plan(body, model, context);
  return {
    modelId: model.id,
    isStream: body.stream ?? false,
    promptParam: "prompt",
    async start(signal): Promise<Generation> {
      const head = createAnswerHead(planned.id, model, context);
      const tracked = trackProgress(await admit(context.engine, planned.admissions, signal), context.clock);
      return {
        progress: tracked.progress,
        collect: async () => collect(tracked, head, planned),
        chunks: () => writeChunks(tracked, head, { planned, body }),
      };
    },
  };
}
