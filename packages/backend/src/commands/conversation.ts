import { randomUUID } from "node:crypto";
import type { FinishReason } from "@infernode/inference";
import type { ChatTemplateMessage } from "@infernode/models";
import type { ModelService, LocalModel } from "../models/model-service.ts";
import { generate } from "../operations/generate.ts";
import type { Prompt } from "../operations/prompt.ts";
import { samplingOf, type PlayOptions } from "./play-options.ts";

/** How an answer went. */
export interface AnswerSummary {
  readonly finishReason: FinishReason | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

/** A chat with its history; a model without a chat template continues each text alone. */
export interface Conversation {
  /** Answers; what was asked and answered is remembered, also when the answer was stopped. */
  ask(text: string, options: AskOptions): Promise<AnswerSummary>;
  /** Forgets what was said; with a text, starts again under other instructions, with an empty one under none. */
  reset(system?: string): void;
}

/** Creates a conversation over an engine. */
export function createConversation(
  engine: Pick<ModelService, "call">,
  model: LocalModel,
  options: PlayOptions,
): Conversation {
  let system = options.system ?? "";
  let messages: ChatTemplateMessage[] = [];

  const promptOf = (text: string): Prompt => {
    if (!model.hasChatTemplate) return { kind: "text", text };
    const instructions = system === "" ? [] : [{ role: "system", content: system }];
    return { kind: "chat", messages: [...instructions, ...messages, { role: "user", content: text }] };
  };

  return {
    ask: async (text, { signal, onText }) => {
      const startedAtMs = performance.now();
      let firstTokenAtMs: number | undefined;
      let answer = "";
      let promptTokens = 0;
      let completionTokens = 0;
      let finishReason: FinishReason | undefined;
      const request = {
        id: `play-${randomUUID()}`,
        prompt: promptOf(text),
        sampling: samplingOf(options, model.generationDefaults),
        stopping: options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens },
      };
      try {
        for await (const reply of engine.call(generate, request, { modelId: model.id, signal })) {
          if (reply.type === "finished") promptTokens = reply.usage.promptTokens;
          if (reply.type !== "delta") continue;
          firstTokenAtMs ??= performance.now();
          const { delta } = reply;
          completionTokens += delta.tokenIds.length;
          finishReason = delta.finishReason ?? finishReason;
          answer += delta.text;
          if (delta.text !== "") onText(delta.text);
        }
      } finally {
        if (answer !== "") {
          messages.push({ role: "user", content: text }, { role: "assistant", content: answer });
        }
      }
      const endedAtMs = performance.now();
      return {
        finishReason,
        promptTokens,
        completionTokens,
        firstTokenMs: (firstTokenAtMs ?? endedAtMs) - startedAtMs,
        totalMs: endedAtMs - startedAtMs,
      };
    },
    reset: (instructions) => {
      messages = [];
      system = instructions ?? system;
    },
  };
}
