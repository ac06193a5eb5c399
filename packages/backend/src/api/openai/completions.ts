import type { AnswerSize } from "../../models/answer-memory.ts";
import { firstEvent } from "../../models/first-event.ts";
import type { CallOptions, ModelService, ServedModel } from "../../models/model-service.ts";
import { describePrompt } from "../../operations/describe-prompt.ts";
import type { GenerateInput } from "../../operations/generate.ts";
import type { Prompt, PromptDescription } from "../../operations/prompt.ts";
import { wholeAnswer, type AnswerHead } from "./answers/answer-head.ts";
import { invalidRequest } from "../shared/api-error.ts";
import { createChunkWriter } from "./answers/chunk-writer.ts";
import { completionRules, type CompletionBody } from "./completion-schema.ts";
import { toEngineParams } from "./parameters/engine-params.ts";
import { parseBody } from "../shared/body/parse-body.ts";
import { toUsage } from "./answers/usage.ts";
import { parsePrompts } from "./prompts/parse-prompts.ts";
import { admit, type AdmissionRequest } from "../shared/generation/admit.ts";
import { type AnswerGround, CompletionAnswer, type Echo } from "./answers/completion-answer.ts";
import type { Generation, PreparedGeneration } from "../shared/generation.ts";
import { LogprobStore } from "../shared/generation/logprob-store.ts";
import { TokenTexts } from "../shared/generation/token-texts.ts";
import { createAnswerHead, findModel, type ApiContext } from "../shared/api-context.ts";
import {
  trackProgress,
  type OnPromptLogprobs,
  type TrackedDelta,
  type TrackedReplies,
} from "../shared/generation/track-progress.ts";

function assertAnswer({ max_tokens: maxTokens, echo = false }: CompletionBody): void {
  if (maxTokens !== 0 || echo) return;
  throw invalidRequest(
    "Invalid value for `max_tokens`: expected an integer of at least 1 without `echo`; found 0",
    {
      param: "max_tokens",
    },
  );
}

/** OpenAI's default for this route. */
const defaultMaxTokens = 16;

interface CompletionPlan {
  readonly id: string;
  readonly admissions: readonly AdmissionRequest[];
  readonly n: number;
  readonly hasEcho: boolean;
}

function plan(body: CompletionBody, model: ServedModel, context: ApiContext): CompletionPlan {
  const { vocabSize = Number.POSITIVE_INFINITY, contextTokens = Number.POSITIVE_INFINITY } = model;
  const prompts = parsePrompts(body.prompt, {
    vocabSize,
    contextTokens,
    maxPromptTokens: contextTokens - (body.max_tokens === 0 ? 0 : 1),
    maxPrompts: context.maxChoices,
    addSpecialTokens: body.add_special_tokens,
  });
  const { sampling, stopping, n, skipSpecialTokens, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: prompts.length,
    defaultMaxTokens,
  });
  const id = `cmpl-${context.ids()}`;
  const { logprobs, echo: hasEcho = false } = body;
  const promptLogprobs = hasEcho ? (logprobs ?? (body.max_tokens === 0 ? 0 : undefined)) : undefined;
  const admissions = prompts.map((prompt, index) => {
    const request: GenerateInput = {
      id: prompts.length === 1 ? id : `${id}-${index}`,
      prompt,
      sampling,
      stopping,
      n,
      skipSpecialTokens,
      // A whole answer is sent at its end.
      canRestart: body.stream !== true,
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(promptLogprobs === undefined ? {} : { promptLogprobs }),
    };
    return { request, isMaxTokensDefault };
  });
  return { id, admissions, n, hasEcho };
}

const noEcho: Echo = { text: "", firstToken: "" };

/** Finds what an answer begins with. A prompt that had to be tokenized for that stays so. */
async function resolveEcho(
  admission: AdmissionRequest,
  service: ModelService,
  options: CallOptions,
): Promise<{ readonly admission: AdmissionRequest; readonly echo: Echo }> {
  const { request } = admission;
  const { prompt, logprobs } = request;
  if (prompt.kind === "text" && logprobs === undefined) {
    return { admission, echo: { text: prompt.text, firstToken: "" } };
  }
  const describe = async (each: Prompt): Promise<PromptDescription> =>
    firstEvent(service.call(describePrompt, each, options));
  const { tokenIds, text } = await describe(prompt);
  const first = await describe({ kind: "tokens", tokenIds: tokenIds.slice(0, 1) });
  return {
    admission: { ...admission, request: { ...request, prompt: { kind: "tokens", tokenIds } } },
    echo: { text: prompt.kind === "text" ? prompt.text : text, firstToken: first.text },
  };
}

/** How large the answers to all prompts can get; prompts that are echoed with log-probabilities are tokens by now. */
function sizeOfAnswer(admissions: readonly AdmissionRequest[], model: ServedModel): AnswerSize {
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

/** The answers of one request, as they grow. */
interface Answers {
  readonly all: readonly CompletionAnswer[];
  addPrompt: OnPromptLogprobs;
  /** Adds to one of them, and says which. */
  add(reply: TrackedDelta): number;
  /** Begins those of one request anew. */
  readonly restart: (requestIndex: number) => void;
}

function createAnswers(
  echoes: readonly Echo[],
  { n, hasLogprobs }: { readonly n: number; readonly hasLogprobs: boolean },
): Answers {
  const texts = new TokenTexts();
  const groundOf = (echo: Echo): AnswerGround => ({ echo, texts, promptLogprobs: new LogprobStore(texts) });
  const answersOn = (ground: AnswerGround): readonly CompletionAnswer[] =>
    Array.from({ length: n }, () => new CompletionAnswer(ground));
  const grounds = echoes.map(groundOf);
  const all = grounds.flatMap(answersOn);
  return {
    all,
    addPrompt(requestIndex, logprobs) {
      if (hasLogprobs) grounds[requestIndex]?.promptLogprobs.add(logprobs);
    },
    add({ requestIndex, delta }) {
      const index = requestIndex * n + delta.index;
      all[index]?.add(delta);
      return index;
    },
    restart(requestIndex) {
      const ground = groundOf(echoes[requestIndex] ?? noEcho);
      grounds[requestIndex] = ground;
      all.splice(requestIndex * n, n, ...answersOn(ground));
    },
  };
}

async function* writeChunks(
  tracked: TrackedReplies,
  head: AnswerHead,
  request: { readonly answers: Answers; readonly body: CompletionBody },
): AsyncGenerator<readonly string[]> {
  const { answers, body } = request;
  const { include_usage: includeUsage, continuous_usage_stats: continuous } = body.stream_options ?? {};
  const writer = createChunkWriter(head, { object: "text_completion", hasUsage: includeUsage === true });
  for await (const reply of tracked.deltas({ onPromptLogprobs: answers.addPrompt })) {
    const index = answers.add(reply);
    for (const piece of answers.all[index]?.takePieces(index) ?? []) {
      yield [writer.chunk(piece, continuous === true ? toUsage(tracked.usage()) : undefined)];
    }
  }
  if (includeUsage === true) yield [writer.usage(toUsage(tracked.usage()))];
}

async function collect(
  tracked: TrackedReplies,
  head: AnswerHead,
  answers: Answers,
): Promise<Iterable<string>> {
  const listeners = { onPromptLogprobs: answers.addPrompt, onRestart: answers.restart };
  for await (const reply of tracked.deltas(listeners)) answers.add(reply);
  const choices = answers.all.map((answer, index) => answer.toChoice(index));
  return wholeAnswer(head, { object: "text_completion", choices, usage: toUsage(tracked.usage()) });
}

/**
 * Prepares the continuation of one or more prompts: `POST /v1/completions`.
 * @throws ApiError 400, 404, 503
 */
export function prepareCompletion(input: unknown, context: ApiContext): PreparedGeneration {
  const body = parseBody(input, completionRules);
  assertAnswer(body);
  const model = findModel(context.service, body.model);
  const planned = plan(body, model, context);
  return {
    modelId: model.id,
    isStream: body.stream ?? false,
    promptParam: "prompt",
    async start(signal): Promise<Generation> {
      const head = createAnswerHead(planned.id, model, context);
      const { service, clock } = context;
      const options = { modelId: model.id, signal };
      const resolved = planned.hasEcho
        ? await Promise.all(planned.admissions.map(async (each) => resolveEcho(each, service, options)))
        : planned.admissions.map((admission) => ({ admission, echo: noEcho }));
      const admissions = resolved.map(({ admission }) => admission);
      const release = context.answers.reserve(sizeOfAnswer(admissions, model), model.answerMemoryBytes);
      try {
        const tracked = trackProgress(await admit(service, admissions, options), clock);
        const answers = createAnswers(
          resolved.map(({ echo }) => echo),
          { n: planned.n, hasLogprobs: body.logprobs !== undefined },
        );
        return {
          progress: tracked.progress,
          release,
          collect: async () => collect(tracked, head, answers),
          chunks: () => writeChunks(tracked, head, { answers, body }),
        };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}
