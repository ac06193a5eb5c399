import type { ConstraintPort, ConstraintStatePort } from "../../ports.ts";
import { createMatcher } from "./matcher.ts";
import type { TokenMasks } from "./token-masks.ts";

/** Makes a constraint of generation requests: each answer is a text of its own, and all share the masks. */
export function createConstraint(masks: TokenMasks): ConstraintPort {
  return { start: () => startAnswer(masks) };
}

function startAnswer(masks: TokenMasks): ConstraintStatePort {
  // The engine adds the tokens that end an answer.
  const matcher = createMatcher(masks, []);
  return {
    get isComplete() {
      return matcher.isComplete;
    },
    get isFinished() {
      return matcher.isComplete && !matcher.canContinue;
    },
    allows: (tokenId) => {
      const isAllowed = matcher.accept(tokenId);
      if (isAllowed) matcher.rollback(1);
      return isAllowed;
    },
    fillMask: (words) => matcher.fillMask(words),
    accept: (tokenId) => {
      if (matcher.accept(tokenId)) return;
      throw new RangeError(`expected a token that the constraint allows next, got ${tokenId}`);
    },
  };
}
