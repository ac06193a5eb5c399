import { workerData } from "node:worker_threads";
import { loadModelText } from "@infernode/models";
import { serveJobs } from "../job-thread.ts";
import { createPromptEncoder } from "./prompt-encoder.ts";
import type { PromptJob, PromptResult, PromptThreadSource } from "./prompt-thread.ts";

// The entry of a prompt thread: tokenizes prompts one after the other.
const { directory, chatTemplatePath } = workerData as PromptThreadSource;

await serveJobs<PromptJob, PromptResult>(async () => {
  // The thread is terminated at a deadline: the tokenizer needs no time limit of its own.
  const text = await loadModelText(directory, { chatTemplatePath, hasTimeLimit: false });
  const encoder = createPromptEncoder(text);
  return ({ kind, prompt, contextTokens }) => {
    if (kind === "describe") {
      return { result: { type: "description", description: encoder.describe(prompt, contextTokens) } };
    }
    const tokenIds = Int32Array.from(encoder.encode(prompt, contextTokens));
    return { result: { type: "tokens", tokenIds }, moved: [tokenIds.buffer] };
  };
});
