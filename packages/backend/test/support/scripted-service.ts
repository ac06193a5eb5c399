import type {
  FinishReason,
  GenerationRequest,
  TokenDelta,
  TokenLogprob,
  TokenStream,
} from "@infernode/inference";
import { describeChat } from "../../src/models/engine/describe-chat.ts";
import { createInlineEngine } from "../../src/models/engine/inline-engine.ts";
import type { ModelService } from "../../src/models/model-service.ts";
import type { OperationParts } from "../../src/operations/operation.ts";
import type { Prompt } from "../../src/operations/prompt.ts";
import { createOperationFinder, operations } from "../../src/operations/registry.ts";
import { createAnswerReader } from "../../src/parsers/answer/create-answer-reader.ts";
import { createFakeCore, coreOptions, fakeModel } from "./fake-core.ts";
import { GrowingVocabulary } from "./growing-vocabulary.ts";

/** What a model answers: one token for each text, and a delta for each. */
export interface AnswerScript {
  readonly template: string;
  /** [by the template] */
  readonly toolParser?: string;
  /** The end of every prompt. [nothing] */
  readonly promptTail?: string;
  /** Tokens that are not text, unless the request keeps them. [none] */
  readonly specialTokens?: readonly string[];
  /** Of the first answer, the second, and so on; the last one is also of those after it. */
  readonly answers: readonly (readonly string[])[];
  /** ["stop"] */
  readonly finishReason?: FinishReason;
}

/** A model of which only the engine is scripted: its operations and its parsers are the package's own. */
export interface ScriptedService {
  readonly service: ModelService;
  readonly modelId: string;
  /** Every prompt that was rendered. */
  readonly prompts: readonly Prompt[];
}

function logprobOf(tokenId: number, token: string): TokenLogprob {
  return { tokenId, token, bytes: [...Buffer.from(token)], logprob: -0.5, rank: 1, top: [] };
}

function createScriptedEngine(script: AnswerScript, vocabulary: GrowingVocabulary): OperationParts["engine"] {
  const { answers, finishReason: last = "stop" } = script;
  return {
    generate: (request: GenerationRequest): TokenStream => {
      const { n = 1, logprobs, keptSpecialTokenIds: kept = [], skipSpecialTokens = true } = request;
      const tokens = Array.from({ length: n }, (_, index) => answers[index] ?? answers.at(-1) ?? []);
      const textOf = (token: string, tokenId: number): string =>
        skipSpecialTokens && vocabulary.specialTokenIds.has(tokenId) && !kept.includes(tokenId) ? "" : token;
      const deltas = tokens.flatMap((own, index) =>
        own.map((token, at): TokenDelta => {
          const tokenId = vocabulary.idOf(token);
          const finishReason = at === own.length - 1 ? last : undefined;
          const entries = logprobs === undefined ? undefined : [logprobOf(tokenId, token)];
          const text = textOf(token, tokenId);
          return { index, text, tokenIds: [tokenId], logprobs: entries, finishReason, stopReason: undefined };
        }),
      );
      return {
        id: request.id ?? "scripted",
        async *[Symbol.asyncIterator]() {
          yield* deltas;
        },
        result: async () => ({
          id: "scripted",
          choices: [],
          usage: {
            promptTokens: request.promptTokenIds.length,
            completionTokens: deltas.length,
            cachedPromptTokens: 0,
          },
          timings: { queuedMs: 0, timeToFirstTokenMs: 1, totalMs: 2 },
        }),
        cancel: () => undefined,
      };
    },
  };
}

/** Creates a service whose model answers as the script says. */
export async function createScriptedService(script: AnswerScript): Promise<ScriptedService> {
  const vocabulary = new GrowingVocabulary();
  for (const token of script.specialTokens ?? []) vocabulary.specialTokenIds.add(vocabulary.idOf(token));
  const rendered: Prompt[] = [];
  const parts: OperationParts = {
    engine: createScriptedEngine(script, vocabulary),
    prompts: {
      encode: async (prompt) => {
        if (prompt.kind === "text") return [vocabulary.idOf(prompt.text)];
        rendered.push(prompt);
        return ["<user>", script.promptTail ?? "", "\n"].map((token) => vocabulary.idOf(token));
      },
      describe: async () => ({ tokenIds: [], spellings: [], text: "" }),
      recordServiceTime: () => undefined,
    },
    constraints: { prepare: () => Promise.reject(new Error("the scripted engine takes no constraints")) },
    adapters: {
      acquire: () => Promise.reject(new Error("the scripted engine takes no adapters")),
      retire: () => undefined,
    },
    answers: createAnswerReader({
      template: script.template,
      toolParser: script.toolParser,
      tokens: vocabulary,
    }),
  };
  const find = createOperationFinder(operations);
  const { answers } = parts;
  const model = { ...fakeModel, hasChatTemplate: true, chat: describeChat(script.template, answers.format) };
  const service = await createInlineEngine({
    engine: coreOptions,
    createCore: async (_, { events }) => ({
      ...createFakeCore(events),
      model,
      call: (operation, input, signal) => find(operation).run(parts, input, signal),
    }),
  });
  return { service, modelId: model.id, prompts: rendered };
}
