import { InferenceError, quoteValue } from "../errors.ts";
import { type FoundPlace, maxMatchTokens, NgramIndex } from "./ngram-index.ts";
import type { Proposer, ProposerContext, ProposerFactory } from "./proposer.ts";

/** Places that one call adds to an index: a long prompt is learnt over several steps, about a millisecond each. */
const learntPlaces = 16_384;

/** Options of `createNgramProposer`. Defaults in brackets. */
export interface NgramOptions {
  /** How many of the last tokens must be alike, from 1 to 16. [3] */
  readonly matchTokens?: number;
}

/**
 * Creates proposers that look the last tokens of an answer up in the answer itself, in what the request predicts, and in its
 * prompt, and propose what followed there. They help where an answer repeats: edited code, quotes, extracted data.
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
  return ({ promptTokenIds, predictedTokenIds }: ProposerContext) => {
    const prompt = new NgramIndex(promptTokenIds, matchTokens);
    const prediction = predictedTokenIds && new NgramIndex(predictedTokenIds, matchTokens);
    const texts = prediction === undefined ? [prompt] : [prediction, prompt];
    const promptEnd = promptTokenIds.slice(-maxMatchTokens);
    return {
      start: () => new NgramProposer(new NgramIndex(promptEnd, matchTokens), { texts, prediction }),
    };
  };
}

class NgramProposer implements Proposer {
  /** The end of the prompt, and the answer. */
  readonly #answer: NgramIndex;
  /** Shared with other answers. */
  readonly #texts: readonly NgramIndex[];
  /** The text with what is expected next, as what was before it came. */
  #source: NgramIndex | undefined;
  /** Where that goes on, and how much of it came. */
  readonly #expected: FoundPlace = { place: 0, matchTokens: 0 };

  constructor(
    answer: NgramIndex,
    known: { readonly texts: readonly NgramIndex[]; readonly prediction: NgramIndex | undefined },
  ) {
    this.#answer = answer;
    this.#texts = known.texts;
    this.#source = known.prediction;
  }

  accept(tokenId: number): void {
    const { place } = this.#expected;
    this.#answer.push(tokenId);
    if (this.#source?.tokenAt(place) !== tokenId) this.#source = undefined;
    this.#expected.place = place + 1;
  }

  propose(into: Int32Array): number {
    this.#answer.learn(learntPlaces);
    for (const text of this.#texts) text.learn(learntPlaces);
    if (this.#source?.tokenCount === this.#expected.place) this.#source = undefined;
    this.#source ??= this.#find();
    const source = this.#source;
    if (source === undefined) return 0;
    const { place } = this.#expected;
    const followingCount = source.tokenCount - place;
    // Where what followed ends with the answer, it is expected to be repeated.
    const count = source === this.#answer ? into.length : Math.min(into.length, followingCount);
    for (let at = 0; at < count; at += 1) into[at] = source.tokenAt(place + (at % followingCount));
    return count;
  }

  #find(): NgramIndex | undefined {
    const expected = this.#expected;
    expected.matchTokens = 0;
    let source = this.#answer.find(this.#answer, expected) ? this.#answer : undefined;
    for (const text of this.#texts) if (text.find(this.#answer, expected)) source = text;
    return source;
  }
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_ENGINE_OPTIONS", { field, expected, got: quoteValue(value) });
}
