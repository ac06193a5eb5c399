import { parentPort, workerData } from "node:worker_threads";
import { loadModelText } from "@infernode/models";
import { toErrorRecord } from "../error-record.ts";
import { createPromptEncoder, type PromptEncoder } from "./prompt-encoder.ts";
import type { PromptAnswer, PromptJob, PromptThreadMessage, PromptThreadSource } from "./prompt-thread.ts";

// The entry of a prompt thread: tokenizes prompts one after the other.
const { directory, chatTemplatePath } = workerData as PromptThreadSource;

function post(message: PromptThreadMessage, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

function answer(encoder: PromptEncoder, { kind, prompt, contextTokens }: PromptJob): PromptAnswer {
  try {
    if (kind === "describe") {
      return { type: "description", description: encoder.describe(prompt, contextTokens) };
    }
    return { type: "tokens", tokenIds: Int32Array.from(encoder.encode(prompt, contextTokens)) };
  } catch (error) {
    return { type: "failed", error: toErrorRecord(error) };
  }
}

try {
  // The thread is terminated at a deadline: the tokenizer needs no time limit of its own.
  const encoder = createPromptEncoder(
    await loadModelText(directory, { chatTemplatePath, hasTimeLimit: false }),
  );
  parentPort?.on("message", (job: PromptJob) => {
    const each = answer(encoder, job);
    post({ type: "answer", answer: each }, each.type === "tokens" ? [each.tokenIds.buffer] : []);
  });
  post({ type: "ready" });
} catch (error) {
  post({ type: "load-failed", error: toErrorRecord(error) });
}
