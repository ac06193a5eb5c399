import { InferenceError, quoteValue } from "../errors.ts";
import { createNgramProposer } from "./ngram-proposer.ts";
import type { ProposerFactory } from "./proposer.ts";

/** How tokens are proposed, which a step verifies beside the one that it computes. Defaults in brackets. */
export interface SpeculationOptions {
  /** For every answer. [only for requests that predict their answer] */
  readonly createProposer?: ProposerFactory | undefined;
  /** Proposed tokens of a sequence in a step, from 1 to 64; with the one before them, the kernels for few rows take 8. [7] */
  readonly maxTokens?: number;
  /**
   * Nothing is proposed while more sequences than this decode: a step of many tokens has no time to spare for more. Where the
   * KV cache is in slots it is 1, as each sequence with several tokens is a pass of its own. [8]
   */
  readonly maxSequences?: number;
}

/** Options with defaults filled in. */
export interface ResolvedSpeculation {
  /** [`undefined`: only requests that predict their answer have proposals] */
  readonly createProposer: ProposerFactory | undefined;
  /** For requests that predict their answer. */
  readonly createPredictionProposer: ProposerFactory;
  readonly maxTokens: number;
  readonly maxSequences: number;
}

const optionNames = ["createProposer", "maxTokens", "maxSequences"];

/** @throws InferenceError `INVALID_ENGINE_OPTIONS` */
export function resolveSpeculation(
  options: SpeculationOptions,
  layout: "slots" | "pages",
): ResolvedSpeculation {
  const { createProposer, maxTokens = 7, maxSequences = 8 } = options;
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) throw invalid("", `fields among ${optionNames.join(", ")}`, name);
  }
  if (createProposer !== undefined && typeof createProposer !== "function") {
    throw invalid(".createProposer", "a function", createProposer);
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 1 || maxTokens > 64) {
    throw invalid(".maxTokens", "an integer from 1 to 64", maxTokens);
  }
  if (!Number.isInteger(maxSequences) || maxSequences < 1) {
    throw invalid(".maxSequences", "an integer of at least 1", maxSequences);
  }
  return Object.freeze({
    createProposer,
    createPredictionProposer: createProposer ?? createNgramProposer(),
    maxTokens,
    maxSequences: layout === "slots" ? 1 : maxSequences,
  });
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  const got = quoteValue(value);
  return new InferenceError("INVALID_ENGINE_OPTIONS", { field: `speculation${field}`, expected, got });
}
