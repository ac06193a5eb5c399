import { InferenceError, quoteValue } from "../errors.ts";
import { NgramIndex } from "./ngram-index.ts";
import type { Proposer, ProposerContext, ProposerFactory } from "./proposer.ts";

/** Places that one call adds to its index: a long prompt is learnt over several steps, about a millisecond each. */
const learntPlaces = 16_384;

/** Options of `createNgramProposer`. Defaults in brackets. */
export interface NgramOptions {
  /** How many of the last tokens must be alike, from 1 to 16. [3] */
  readonly matchTokens?: number;
}

/**
 * Creates proposers that look the last tokens of an answer up in its prompt, in what the request predicts, and in the answer
 * itself, and propose what followed there. They help where an answer repeats: edited code, quotes, extracted data.
 *
 * @see https://github.com/apoorvumang/prompt-lookup-decoding
 * @throws InferenceError `INVALID_ENGINE_OPTIONS`
 */
export function createNgramProposer(options: NgramOptions = {}): ProposerFactory {
  const { matchTokens = 3, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid("options", "matchTokens", unknown);
  if (!Number.isInteger(matchTokens) || matchTokens < 1 || matchTokens > 16) {
    throw invalid("matchTokens", "an integer from 1 to 16", matchTokens);
  }
  return (context) => new NgramProposer(context, matchTokens);
}

class NgramProposer implements Proposer {
  readonly #index: NgramIndex;
  /** The place whose token is expected next, as those before it came one after the other. */
  #expected: number | undefined;

  constructor({ promptTokenIds, predictedTokenIds }: ProposerContext, matchTokens: number) {
    const isPredicted = predictedTokenIds !== undefined && predictedTokenIds.length > 0;
    const parts = isPredicted ? [predictedTokenIds, promptTokenIds] : [promptTokenIds];
    this.#index = new NgramIndex(parts, matchTokens);
    if (isPredicted) this.#expected = 0;
  }

  accept(tokenId: number): void {
    const expected = this.#expected;
    if (expected !== undefined) {
      this.#expected = this.#index.tokenAt(expected) === tokenId ? expected + 1 : undefined;
    }
    this.#index.push(tokenId);
  }

  propose(into: Int32Array): number {
    this.#index.learn(learntPlaces);
    this.#expected ??= this.#index.find();
    const start = this.#expected;
    if (start === undefined) return 0;
    // Where what followed is the end of the text, it is expected to be repeated.
    const followingCount = this.#index.tokenCount - start;
    for (let at = 0; at < into.length; at += 1) into[at] = this.#index.tokenAt(start + (at % followingCount));
    return into.length;
  }
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_ENGINE_OPTIONS", { field, expected, got: quoteValue(value) });
}
