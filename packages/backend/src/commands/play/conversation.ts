import { randomUUID } from "node:crypto";
import type { FinishReason } from "@infernode/inference";
import type { ChatTemplateMessage } from "@infernode/models";
import type { ModelService, LocalModel } from "../../models/model-service.ts";
import { generate } from "../../operations/generate.ts";
import type { Prompt } from "../../operations/prompt.ts";
import { resolveSampling, type PlayOptions } from "./play-options.ts";

/** Length, duration and finish reason of an answer. */
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

/** A chat with its history. A model without a chat template continues each text by itself, without history. */
export interface Conversation {
  /** Generates an answer. The message and the answer join the history, even if the answer was stopped. */
  ask(text: string, options: AskOptions): Promise<AnswerSummary>;
  /** Clears the history. A given text becomes the system prompt; an empty text removes it. */
  reset(system?: string): void;
}

/** Creates a conversation with an engine. */
export function createConversation(
  engine: Pick<ModelService, "call">,
  model: LocalModel,
  options: PlayOptions,
): Conversation {
  let system = options.system ?? "";
  let messages: ChatTemplateMessage[] = [];

  const createPrompt = (text: string): Prompt => {
    if (!model.hasChatTemplate) return { kind: "text", text };
    const systemMessages = system === "" ? [] : [{ role: "system", content: system }];
    return { kind: "chat", messages: [...systemMessages, ...messages, { role: "user", content: text }] };
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
        prompt: createPrompt(text),
        sampling: resolveSampling(options, model.generationDefaults),
        stopping: options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens },
      };
      try {
        for await (const event of engine.call(generate, request, { modelId: model.id, signal })) {
          if (event.type === "finished") promptTokens = event.usage.promptTokens;
          if (event.type !== "delta") continue;
          firstTokenAtMs ??= performance.now();
          const { delta } = event;
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
    reset: (newSystem) => {
      messages = [];
      system = newSystem ?? system;
    },
  };
}
