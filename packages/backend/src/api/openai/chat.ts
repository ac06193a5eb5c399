import type { FinishReason } from "@infernode/inference";
import type { TokenDelta, TokenLogprob } from "../../operations/token-delta.ts";
import { wholeAnswer, withCommas, type AnswerHead } from "./answers/answer-head.ts";
import { invalidRequest } from "../shared/api-error.ts";
import { toChatPrompt } from "./prompts/chat-prompt.ts";
import { chatRules, type ChatBody } from "./chat-schema.ts";
import { createChunkWriter } from "./answers/chunk-writer.ts";
import { toEngineParams } from "./parameters/engine-params.ts";
import { toChatLogprobs } from "./answers/logprobs.ts";
import { parseBody } from "../shared/body/parse-body.ts";
import { toUsage } from "./answers/usage.ts";
import type { ServedModel } from "../../models/model-service.ts";
import { admit, type AdmissionRequest } from "../shared/generation/admit.ts";
import type { Generation, PreparedGeneration } from "../shared/generation.ts";
import { GrowingText } from "../shared/generation/growing-text.ts";
import { LogprobStore } from "../shared/generation/logprob-store.ts";
import { TokenTexts } from "../shared/generation/token-texts.ts";
import { createAnswerHead, findModel, type ApiContext } from "../shared/api-context.ts";
import { trackProgress, type TrackedReplies } from "../shared/generation/track-progress.ts";

function readLogprobs({ logprobs = false, top_logprobs: top }: ChatBody): number | undefined {
  if (logprobs) return top ?? 0;
  if (top === undefined || top === 0) return undefined;
  throw invalidRequest(`\`top_logprobs\` is only allowed with \`logprobs: true\`; found ${top}`, {
    param: "top_logprobs",
  });
}

function buildRequest(body: ChatBody, model: ServedModel, context: ApiContext): AdmissionRequest {
  if (model.hasChatTemplate === false) {
    throw invalidRequest(`The model has no chat template; use /v1/completions`, {
      code: "chat_template_missing",
      param: "messages",
    });
  }
  const { sampling, stopping, n, skipSpecialTokens, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: 1,
    defaultMaxTokens: model.generationDefaults.maxNewTokens,
  });
  const logprobs = readLogprobs(body);
  return {
    isMaxTokensDefault,
    request: {
      id: `chatcmpl-${context.ids()}`,
      prompt: toChatPrompt(body.messages, body),
      // A whole answer is sent at its end.
      canRestart: body.stream !== true,
      sampling,
      stopping,
      n,
      skipSpecialTokens,
      ...(logprobs === undefined ? {} : { logprobs }),
    },
  };
}

function logprobsJson(logprobs: readonly TokenLogprob[] | undefined): string {
  return logprobs === undefined || logprobs.length === 0 ? "null" : JSON.stringify(toChatLogprobs(logprobs));
}

function choiceJson(
  index: number,
  delta: string,
  rest: { readonly logprobs?: string; readonly reason?: FinishReason },
): string {
  const reason = rest.reason === undefined ? "null" : `"${rest.reason}"`;
  return `{"index":${index},"delta":${delta},"logprobs":${rest.logprobs ?? "null"},"finish_reason":${reason}}`;
}

async function* writeChunks(
  tracked: TrackedReplies,
  head: AnswerHead,
  body: ChatBody,
): AsyncGenerator<readonly string[]> {
  const { include_usage: includeUsage, continuous_usage_stats: continuous } = body.stream_options ?? {};
  const writer = createChunkWriter(head, {
    object: "chat.completion.chunk",
    hasUsage: includeUsage === true,
  });
  const begun = new Set<number>();
  for await (const { delta } of tracked.deltas()) {
    const { index, text, logprobs, finishReason } = delta;
    const usage = continuous === true ? toUsage(tracked.usage()) : undefined;
    const chunks: string[] = [];
    if (!begun.has(index)) {
      begun.add(index);
      chunks.push(writer.chunk(choiceJson(index, '{"role":"assistant","content":""}', {}), usage));
    }
    if (text !== "" || (logprobs !== undefined && logprobs.length > 0)) {
      const content = `{"content":${JSON.stringify(text)}}`;
      chunks.push(writer.chunk(choiceJson(index, content, { logprobs: logprobsJson(logprobs) }), usage));
    }
    if (finishReason !== undefined) {
      chunks.push(writer.chunk(choiceJson(index, "{}", { reason: finishReason }), usage));
    }
    if (chunks.length > 0) yield chunks;
  }
  if (includeUsage === true) yield [writer.usage(toUsage(tracked.usage()))];
}

class Answer {
  readonly #texts: TokenTexts;
  readonly #text = new GrowingText();
  #logprobs: LogprobStore | undefined;
  #finishReason: FinishReason | undefined;

  constructor(texts: TokenTexts) {
    this.#texts = texts;
  }

  add({ text, logprobs, finishReason }: TokenDelta): void {
    this.#text.push(text);
    if (logprobs !== undefined) {
      this.#logprobs ??= new LogprobStore(this.#texts);
      this.#logprobs.add(logprobs);
    }
    this.#finishReason ??= finishReason;
  }

  *toChoice(index: number): Generator<string> {
    const message = { role: "assistant", content: this.#text.toString(), refusal: null };
    yield `{"index":${index},"message":${JSON.stringify(message)},"logprobs":`;
    if (this.#logprobs === undefined) {
      yield "null";
    } else {
      yield `{"content":[`;
      yield* withCommas(contentParts(this.#logprobs));
      yield `],"refusal":null}`;
    }
    yield `,"finish_reason":${JSON.stringify(this.#finishReason ?? null)}}`;
  }
}

function* contentParts(logprobs: LogprobStore): Generator<string> {
  for (const part of logprobs.parts()) {
    const entries = part.filter((entry) => entry !== undefined);
    yield JSON.stringify(toChatLogprobs(entries).content).slice(1, -1);
  }
}

async function collect(tracked: TrackedReplies, head: AnswerHead, n: number): Promise<Iterable<string>> {
  const texts = new TokenTexts();
  const empty = (): Answer[] => Array.from({ length: n }, () => new Answer(texts));
  let answers = empty();
  const onRestart = (): void => {
    answers = empty();
  };
  for await (const { delta } of tracked.deltas({ onRestart })) answers[delta.index]?.add(delta);
  const choices = answers.map((answer, index) => answer.toChoice(index));
  return wholeAnswer(head, { object: "chat.completion", choices, usage: toUsage(tracked.usage()) });
}

/**
 * Prepares an answer to a conversation: `POST /v1/chat/completions`.
 * @throws ApiError 400, 404, 503
 */
export function prepareChat(input: unknown, context: ApiContext): PreparedGeneration {
  const body = parseBody(input, chatRules);
  const model = findModel(context.service, body.model);
  const admission = buildRequest(body, model, context);
  return {
    modelId: model.id,
    isStream: body.stream ?? false,
    promptParam: "messages",
    async start(signal): Promise<Generation> {
      const head = createAnswerHead(admission.request.id, model, context);
      const { n = 1, stopping, logprobs } = admission.request;
      const { contextTokens = Number.POSITIVE_INFINITY } = model;
      const release = context.answers.reserve(
        {
          answerCount: n,
          maxTokens: Math.min(stopping?.maxTokens ?? contextTokens, contextTokens),
          candidateCount: logprobs === undefined ? 0 : logprobs + 1,
          echoedTokens: 0,
          param: n > 1 ? "n" : "max_tokens",
        },
        model.answerMemoryBytes,
      );
      try {
        const options = { modelId: model.id, signal };
        const tracked = trackProgress(await admit(context.service, [admission], options), context.clock);
        return {
          progress: tracked.progress,
          release,
          collect: async () => collect(tracked, head, n),
          chunks: () => writeChunks(tracked, head, body),
        };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}
