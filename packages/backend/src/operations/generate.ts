import { setImmediate as nextTurn } from "node:timers/promises";
import type { GenerationRequest, GenerationUsage } from "@infernode/inference";
import type { Operation, OperationParts } from "./operation.ts";
import { estimatePromptTokens, type Prompt } from "./prompt.ts";
import type { GenerationTimings, PromptLogprobs, TokenDelta } from "./token-delta.ts";

/** A generation as it crosses to the engine process: plain data. */
export interface GenerateInput extends Omit<GenerationRequest, "promptTokenIds" | "signal" | "keepResult"> {
  readonly id: string;
  readonly prompt: Prompt;
  /**
   * The reader can drop what it has of the answer: where the engine crashes, it gets `restarted` and the answer
   * from its beginning. [false: an answer that has begun fails]
   */
  readonly canRestart?: boolean;
}

/** What comes back, in order. `accepted` comes first, `finished` last; a failure rejects the iteration. */
export type GenerateEvent =
  /** The count is known here where the engine is one of this machine; a remote server tells it at the end. */
  | { readonly type: "accepted"; readonly promptTokenCount: number | undefined }
  /** Where the request asked for them: part after part before the first delta, which has none itself. */
  | { readonly type: "prompt-logprobs"; readonly logprobs: PromptLogprobs }
  | { readonly type: "delta"; readonly delta: TokenDelta }
  /** Only where the request allows it: what came since `accepted` is void, and comes anew. */
  | { readonly type: "restarted" }
  | { readonly type: "finished"; readonly usage: GenerationUsage; readonly timings: GenerationTimings };

/** Tokens with log-probabilities in one delta; more are a part of what a slow reader left. */
const maxStepEntries = 8;

function isEmpty({
  text,
  tokenIds,
  finishReason,
}: Pick<TokenDelta, "text" | "tokenIds" | "finishReason">): boolean {
  return tokenIds.length === 0 && text === "" && finishReason === undefined;
}

async function* run(
  { engine, prompts }: OperationParts,
  input: GenerateInput,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  const { prompt, canRestart: _, ...rest } = input;
  const promptTokenIds = await prompts.encode(prompt, { purpose: "generation", signal });
  signal.throwIfAborted();
  // What was read of the stream went to the daemon.
  const stream = engine.generate({ ...rest, promptTokenIds, signal, keepResult: false });
  yield { type: "accepted", promptTokenCount: promptTokenIds.length };
  for await (const { promptLogprobs, ...delta } of stream) {
    if (promptLogprobs !== undefined) yield { type: "prompt-logprobs", logprobs: promptLogprobs };
    if (promptLogprobs === undefined || !isEmpty(delta)) yield { type: "delta", delta };
    // A large part has a turn and a message of its own.
    if (promptLogprobs !== undefined || (delta.logprobs?.length ?? 0) > maxStepEntries) await nextTurn();
  }
  const { usage, timings } = await stream.result();
  prompts.recordServiceTime(timings.totalMs - timings.queuedMs);
  yield { type: "finished", usage, timings };
}

/** A delta of text counts as one, a candidate of a log-probability too: each is an object of some hundred bytes. */
function weigh(event: GenerateEvent): number {
  const logprobs =
    event.type === "delta"
      ? event.delta.logprobs
      : event.type === "prompt-logprobs"
        ? event.logprobs
        : undefined;
  if (logprobs === undefined) return 1;
  return logprobs.reduce((sum, entry) => sum + 1 + (entry?.top.length ?? 0), 1);
}

/** Continues a prompt: one or several answers, token by token. */
export const generate: Operation<GenerateInput, GenerateEvent> = {
  name: "generate",
  run,
  sizeTokens: ({ prompt }) => estimatePromptTokens(prompt),
  canRestart: (input) => input.canRestart === true,
  weigh,
  timing: {
    requestId: ({ id }) => id,
    hasToken: (event) => event.type === "delta" && event.delta.tokenIds.length > 0,
  },
};
