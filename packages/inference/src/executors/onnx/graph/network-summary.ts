import type { AttentionOptions, DecoderBuilder, WeightRef } from "@infernode/models";

/** A weight and what it is used for. */
export interface CountedWeight {
  readonly ref: WeightRef;
  readonly use: "embedding" | "vector" | "matrix";
}

/**
 * Walks an architecture and notes what it needs: weights by use, and the widest values of a layer.
 * The handle to a value is its width.
 */
export class NetworkCensus implements DecoderBuilder<number> {
  readonly weights: CountedWeight[] = [];
  readonly attentions: AttentionOptions[] = [];
  hiddenWidth = 0;
  widestGate = 0;
  vocabSize = 0;

  embed(weight: WeightRef): number {
    this.weights.push({ ref: weight, use: "embedding" });
    this.hiddenWidth = weight.shape[1] ?? 0;
    return this.hiddenWidth;
  }

  rmsNorm(x: number, weight: WeightRef): number {
    this.weights.push({ ref: weight, use: "vector" });
    return x;
  }

  headRmsNorm(x: number, weight: WeightRef): number {
    this.weights.push({ ref: weight, use: "vector" });
    return x;
  }

  linear(_x: number, weight: WeightRef, bias?: WeightRef): number {
    this.weights.push({ ref: weight, use: "matrix" });
    if (bias !== undefined) this.weights.push({ ref: bias, use: "vector" });
    return weight.shape[0] ?? 0;
  }

  attention(_qkv: unknown, options: AttentionOptions): number {
    this.attentions.push(options);
    return options.headCount * options.headDim;
  }

  gatedSilu(gate: number): number {
    this.widestGate = Math.max(this.widestGate, gate);
    return gate;
  }

  add(a: number): number {
    return a;
  }

  logits(_x: number, weight: WeightRef): void {
    this.weights.push({ ref: weight, use: "matrix" });
    this.vocabSize = weight.shape[0] ?? 0;
  }
}
