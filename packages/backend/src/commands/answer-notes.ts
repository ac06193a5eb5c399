import type { LocalModel } from "../models/model-service.ts";
import type { AnswerSummary } from "./conversation.ts";
import type { PlayOptions } from "./play-options.ts";

/** What is to be said after an answer: why it was cut, and with `--verbose` how fast it was. */
export function answerNotes(
  summary: AnswerSummary,
  model: Pick<LocalModel, "contextTokens">,
  options: Pick<PlayOptions, "maxTokens" | "isVerbose">,
): readonly string[] {
  const notes: string[] = [];
  const { promptTokens, completionTokens, firstTokenMs, totalMs } = summary;
  if (summary.finishReason === "length") {
    notes.push(
      completionTokens === options.maxTokens
        ? `cut after ${completionTokens} tokens, as --max-tokens says`
        : `cut: the context of ${model.contextTokens} tokens is full (${promptTokens} for the conversation, ` +
            `${completionTokens} for the answer); /reset begins anew`,
    );
  }
  if (options.isVerbose) {
    const decodeMs = totalMs - firstTokenMs;
    const speed = completionTokens > 1 && decodeMs > 0 ? ((completionTokens - 1) / decodeMs) * 1000 : 0;
    notes.push(
      `${completionTokens} tokens to a prompt of ${promptTokens}, first after ${firstTokenMs.toFixed(0)} ms, ` +
        `then ${speed.toFixed(1)} tokens/s`,
    );
  }
  return notes;
}
