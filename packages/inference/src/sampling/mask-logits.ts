import { InferenceError } from "../errors.ts";
import type { SamplingState } from "./sampling-state.ts";

const allTokens = 0xffffffff;

/**
 * Sets the logits of tokens to −Infinity that the state's constraint, or the request's list of tokens, does not let come
 * next. `words` is scratch memory, a bit for each token.
 *
 * @throws InferenceError `CONSTRAINT_DEAD_END` where no token may come next: nothing is generated outside a constraint
 */
export function maskLogits(row: Float32Array, state: SamplingState, words: Uint32Array): void {
  fillMask(words, state);
  if (maskRow(row, words)) return;
  throw new InferenceError("CONSTRAINT_DEAD_END", {
    expected:
      "a token of the vocabulary that the constraint of the answer and `allowedTokenIds` let come next",
    got: "none",
  });
}

/** Sets the bits of tokens that the state's constraint and the request's list of tokens let come next, and clears the others. */
export function fillMask(words: Uint32Array, state: SamplingState): void {
  const { constraint, allowedMask } = state;
  if (constraint === undefined) {
    words.fill(allTokens);
  } else {
    words.fill(0);
    constraint.fillMask(words);
    for (const id of state.endTokenIds) words[id >>> 5]! |= 1 << (id & 31);
  }
  if (allowedMask === undefined) return;
  for (let at = 0; at < words.length; at += 1) words[at]! &= allowedMask[at] ?? 0;
}

/** Returns whether any token is left. */
function maskRow(row: Float32Array, words: Uint32Array): boolean {
  let isAnyLeft = false;
  for (let start = 0; start < row.length; start += 32) {
    const word = words[start >>> 5]!;
    if (word !== 0) isAnyLeft = true;
    if (word === allTokens) continue;
    const end = Math.min(start + 32, row.length);
    if (word === 0) {
      row.fill(-Infinity, start, end);
      continue;
    }
    for (let id = start; id < end; id += 1) {
      if ((word & (1 << (id & 31))) === 0) row[id] = -Infinity;
    }
  }
  return isAnyLeft;
}
