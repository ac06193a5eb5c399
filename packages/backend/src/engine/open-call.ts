import type { AsyncQueue } from "./async-queue.ts";
import type { EngineRequest, EngineReply, Prompt } from "./engine-client.ts";
import type { PromptReply } from "./protocol.ts";

interface CallState {
  /** The present process has it. */
  isSent: boolean;
  /** The present process has answered: from then on its own bounds count the call. */
  isCounted: boolean;
  /** Parts of the answer that the present process gave, the acceptance not among them. */
  replyCount: number;
  /** The most that a process gave before it crashed. */
  furthestCount: number;
  /** Crashes that it may have caused: it was in flight, and nothing says that another call was the cause. */
  crashCount: number;
}

export interface GenerateCall extends CallState {
  readonly kind: "generate";
  readonly request: EngineRequest;
  readonly queue: AsyncQueue<EngineReply>;
  readonly promptSize: number;
  isAccepted: boolean;
}

export interface PromptCall extends CallState {
  readonly kind: "tokenize" | "describe";
  readonly prompt: Prompt;
  readonly queue: AsyncQueue<PromptReply>;
  readonly promptSize: 0;
}

/** A call that is not finished, as the daemon keeps it. */
export type OpenCall = GenerateCall | PromptCall;

const charactersPerToken = 4;

/** The tokens of a prompt, or about as many as its text will have. */
function sizeOf(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokenIds.length;
  const texts = prompt.kind === "text" ? [prompt.text] : prompt.messages.map(({ content }) => content ?? "");
  return texts.reduce((sum, text) => sum + Math.ceil(text.length / charactersPerToken), 0);
}

function newState(): CallState {
  return { isSent: false, isCounted: false, replyCount: 0, furthestCount: 0, crashCount: 0 };
}

export function openGenerateCall(request: EngineRequest, queue: AsyncQueue<EngineReply>): GenerateCall {
  const promptSize = sizeOf(request.prompt);
  return { kind: "generate", request, queue, promptSize, isAccepted: false, ...newState() };
}

export function openPromptCall(
  kind: PromptCall["kind"],
  prompt: Prompt,
  queue: AsyncQueue<PromptReply>,
): PromptCall {
  return { kind, prompt, queue, promptSize: 0, ...newState() };
}

/** It may be what crashed an earlier process. */
export function isSuspect({ crashCount }: OpenCall): boolean {
  return crashCount > 0;
}

/**
 * A suspect has shown that it is harmless: after one crash by the first part of its answer, after two by coming
 * further than it ever had.
 */
export function isCleared({ crashCount, furthestCount, replyCount }: OpenCall): boolean {
  return replyCount > (crashCount > 1 ? furthestCount : 0);
}

/** A second run cannot take back what a reader has of the first, unless the reader can drop it. */
export function canStartAnew(call: OpenCall): boolean {
  return call.replyCount === 0 || (call.kind === "generate" && call.request.canRestart === true);
}
