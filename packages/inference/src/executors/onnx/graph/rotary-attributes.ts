import type { AttentionRotary } from "@infernode/models";

/** How a value `(B, S, heads · headDim)` is made of heads. */
export interface HeadShape {
  readonly heads: number;
  readonly headDim: number;
}

/** Attributes of `RotaryEmbedding`. */
export function rotaryAttributes(
  { dim, isInterleaved }: AttentionRotary,
  { heads, headDim }: HeadShape,
): Readonly<Record<string, number>> {
  const part = dim === headDim ? {} : { num_heads: heads, rotary_embedding_dim: dim };
  return { interleaved: isInterleaved ? 1 : 0, ...part };
}
