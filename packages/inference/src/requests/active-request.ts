import type { GeneratedSequence } from "./generated-sequence.ts";
import type { GenerationStream, StreamEnding } from "./generation-stream.ts";
import type { GenerationResult, GenerationUsage } from "./request.ts";

/** A request from `generate` to its end. */
export class ActiveRequest {
  readonly id: string;
  readonly promptTokenCount: number;
  /** Most tokens of each answer. */
  readonly maxTokens: number;
  /** Alternatives to report; `undefined` without log-probabilities. */
  readonly logprobs: number | undefined;
  /** The same for the tokens of the prompt. */
  readonly promptLogprobs: number | undefined;
  /** Whether it says what its answer is likely to be. */
  readonly isPredicted: boolean;
  readonly sequences: readonly GeneratedSequence[];
  readonly stream: GenerationStream;
  readonly queuedAtMs: number;
  scheduledAtMs: number | undefined;
  firstTokenAtMs: number | undefined;
  /** Tokens of the prompt that were cached when its first sequence was admitted. */
  cachedPromptTokenCount = 0;
  /** Set once; the sequences leave when no forward pass uses them. */
  ending: StreamEnding | undefined;
  /** For the request's signal. */
  removeAbortListener: () => void = () => {};

  constructor(parts: {
    readonly promptTokenCount: number;
    readonly maxTokens: number;
    readonly logprobs: number | undefined;
    readonly promptLogprobs: number | undefined;
    /** [false] */
    readonly isPredicted?: boolean;
    readonly sequences: readonly GeneratedSequence[];
    readonly stream: GenerationStream;
    readonly queuedAtMs: number;
  }) {
    this.id = parts.stream.id;
    this.promptTokenCount = parts.promptTokenCount;
    this.maxTokens = parts.maxTokens;
    this.logprobs = parts.logprobs;
    this.promptLogprobs = parts.promptLogprobs;
    this.isPredicted = parts.isPredicted ?? false;
    this.sequences = parts.sequences;
    this.stream = parts.stream;
    this.queuedAtMs = parts.queuedAtMs;
  }

  get isFinished(): boolean {
    return this.sequences.every((sequence) => sequence.finishReason !== undefined);
  }

  get generatedTokenCount(): number {
    return this.sequences.reduce((sum, sequence) => sum + sequence.tokenCount, 0);
  }

  #prediction(): GenerationUsage["prediction"] {
    if (!this.isPredicted) return undefined;
    let proposedTokens = 0;
    let acceptedTokens = 0;
    for (const { speculation } of this.sequences) {
      proposedTokens += speculation?.proposedCount ?? 0;
      acceptedTokens += speculation?.confirmedCount ?? 0;
    }
    return { acceptedTokens, rejectedTokens: proposedTokens - acceptedTokens };
  }

  /** Returns a function that builds the result when it is asked for: its log-probabilities are large. */
  finish(nowMs: number): () => GenerationResult {
    const timings = {
      queuedMs: (this.scheduledAtMs ?? nowMs) - this.queuedAtMs,
      timeToFirstTokenMs:
        this.firstTokenAtMs === undefined ? undefined : this.firstTokenAtMs - this.queuedAtMs,
      totalMs: nowMs - this.queuedAtMs,
    };
    return () => {
      const promptLogprobs = this.sequences[0]?.promptLogprobs();
      const prediction = this.#prediction();
      return {
        id: this.id,
        choices: this.sequences.map((sequence) => sequence.choice()),
        ...(promptLogprobs && { promptLogprobs }),
        usage: {
          promptTokens: this.promptTokenCount,
          completionTokens: this.generatedTokenCount,
          cachedPromptTokens: this.cachedPromptTokenCount,
          ...(prediction && { prediction }),
        },
        timings,
      };
    };
  }

  /** For the event. */
  finishReason(): "stop" | "length" | "abort" | "error" {
    if (this.ending?.kind === "aborted") return "abort";
    if (this.ending?.kind === "failed") return "error";
    return this.sequences.every((sequence) => sequence.finishReason === "stop") ? "stop" : "length";
  }

  /** Durations of the phases; 0 for a phase that was not reached. */
  phases(nowMs: number): {
    readonly queuedMs: number;
    readonly prefillMs: number;
    readonly decodeMs: number;
    readonly totalMs: number;
  } {
    const scheduledAtMs = this.scheduledAtMs ?? nowMs;
    const firstTokenAtMs = this.firstTokenAtMs ?? nowMs;
    return {
      queuedMs: scheduledAtMs - this.queuedAtMs,
      prefillMs: firstTokenAtMs - scheduledAtMs,
      decodeMs: nowMs - firstTokenAtMs,
      totalMs: nowMs - this.queuedAtMs,
    };
  }
}
