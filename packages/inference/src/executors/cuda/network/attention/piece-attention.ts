import type { AttentionRequest } from "./attention-request.ts";
import { decodeAttentions } from "./decode-attention.ts";
import { piecePageTokens } from "./piece-operands.ts";
import { prefillAttentions } from "./prefill-attention.ts";
import type { Variant } from "../program.ts";

/** Attention that reads keys and values once for the heads and tokens of a piece; none for some heads and pages. */
export function pieceAttentions(request: AttentionRequest): readonly Variant[] {
  if (request.pages.pageTokens !== piecePageTokens) return [];
  return [...decodeAttentions(request), ...prefillAttentions(request)];
}
