import { compileConstraint } from "./compile-constraint.ts";
import { createMatcher } from "./match/matcher.ts";
import { createTokenMasks } from "./match/token-masks.ts";
import type { ConstraintProgram } from "./program/program.ts";
import type { TokenTrie } from "./tokens/token-trie.ts";

/** An answer whose masks need what most schemas need. */
const schema = {
  type: "object",
  properties: {
    text: { type: "string" },
    counted: { type: "string", minLength: 1, maxLength: 1000 },
    count: { type: "integer" },
    number: { type: "number" },
  },
  required: ["text", "counted", "count", "number"],
};
const answer = '{"text":"a","counted":"a","count":1,"number":1.5,"a":"a"}';

/**
 * Works out what the tokens of a vocabulary are within strings, numbers and keys of JSON, which all constraints with
 * this tree then share. Takes about as long as the tree itself; without it the first masks of these kinds take longer.
 */
export function warmUpConstraints(trie: TokenTrie): void {
  for (const program of compileSamples()) for (const _ of fillSampleMasks(program, trie));
}

/** Programs of a usual schema, for `fillSampleMasks`. */
export function compileSamples(): readonly ConstraintProgram[] {
  return (["flexible", "compact"] as const).map((whitespace) =>
    compileConstraint({ jsonSchema: schema, whitespace }),
  );
}

/** Answers of each sample: the first ones run code that is not compiled yet. */
const answersOfSample = 4;

/**
 * Fills the masks of answers, one at a step: where a copy of the tree came from another thread with all that is shared,
 * it has the code of masks compiled before it is needed.
 */
export function* fillSampleMasks(program: ConstraintProgram, trie: TokenTrie): Generator<void> {
  const mask = new Uint32Array((trie.vocabSize + 31) >>> 5);
  for (let count = 0; count < answersOfSample; count += 1) {
    const matcher = createMatcher(createTokenMasks(program, trie), []);
    for (const character of answer) {
      matcher.fillMask(mask);
      const token = tokenOf(trie, character.charCodeAt(0));
      if (token === -1 || !matcher.accept(token)) break;
      yield;
    }
  }
}

/** The token of one byte. */
function tokenOf({ bytes, ends, tokens }: TokenTrie, byte: number): number {
  for (let node = 1; node < ends[0]!; node = ends[node]!) if (bytes[node] === byte) return tokens[node]!;
  return -1;
}
