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
  /** Tokens that must follow, from `forcedAt` on; `undefined` where that is not known. */
  let forced: readonly number[] | undefined;
  let forcedAt = 0;
  return {
    get isComplete() {
      return matcher.isComplete;
    },
    get isFinished() {
      return matcher.isComplete && !matcher.canContinue;
    },
    get forcedTokenId() {
      if (forced === undefined) {
        forced = matcher.forcedTokens();
        forcedAt = 0;
      }
      return forced[forcedAt];
    },
    allows: (tokenId) => {
      const isAllowed = matcher.accept(tokenId);
      if (isAllowed) matcher.rollback(1);
      return isAllowed;
    },
    fillMask: (words) => matcher.fillMask(words),
    accept: (tokenId) => {
      if (matcher.accept(tokenId)) {
        if (forced?.[forcedAt] === tokenId && forcedAt + 1 < forced.length) forcedAt += 1;
        else forced = undefined;
        return;
      }
      throw new RangeError(`expected a token that the constraint allows next, got ${tokenId}`);
    },
  };
}
