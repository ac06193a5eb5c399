import { hashText } from "../../../text/hash-text.ts";
import { rankByHash } from "./rank-by-hash.ts";
import type { Policy } from "./policy.ts";

/** Creates a policy that sends the requests of a conversation to one backend; others are for the inner policy. */
export function createSticky(inner: Policy): Policy {
  return {
    choose(candidates, request) {
      const { conversation, model } = request;
      if (conversation === undefined) return inner.choose(candidates, request);
      return rankByHash(hashText(`${model}\n${conversation}`), candidates)[0];
    },
  };
}
