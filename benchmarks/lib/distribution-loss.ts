/** A row of logits of the reference, prepared once for all models that are compared with it. */
export interface ReferenceRow {
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
  readonly logSum: number;
  readonly top: number;
}

export interface LossSummary {
  readonly predictionCount: number;
  /** Mean KL divergence of the model from the reference, in nats. */
  readonly divergence: number;
  /** Standard error of the mean, as if predictions were independent. */
  readonly divergenceError: number;
  readonly perplexity: number;
  /** Share of the predictions whose most likely token is the reference's. */
  readonly topAgreement: number;
}

export function prepareReference(logits: Float32Array): ReferenceRow {
  const { logSum, top } = summarize(logits);
  const probabilities = Float64Array.from(logits, (logit) => Math.exp(logit - logSum));
  return { logits, probabilities, logSum, top };
}

/** How far the predictions of a model are from those of a reference, over the tokens of a text. */
export class DistributionLoss {
  readonly #divergences: number[] = [];
  #negativeLogLikelihood = 0;
  #agreementCount = 0;

  /** Adds one prediction, and the token that follows in the text. */
  add(reference: ReferenceRow, logits: Float32Array, nextTokenId: number): void {
    const { logSum, top } = summarize(logits);
    let difference = 0;
    for (let token = 0; token < logits.length; token += 1) {
      difference += reference.probabilities[token]! * (reference.logits[token]! - logits[token]!);
    }
    this.#divergences.push(difference - reference.logSum + logSum);
    this.#negativeLogLikelihood += logSum - (logits[nextTokenId] ?? Number.NaN);
    if (top === reference.top) this.#agreementCount += 1;
  }

  summary(): LossSummary {
    const predictionCount = this.#divergences.length;
    const mean = this.#divergences.reduce((sum, each) => sum + each, 0) / predictionCount;
    const variance = this.#divergences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / predictionCount;
    return {
      predictionCount,
      divergence: mean,
      divergenceError: Math.sqrt(variance / predictionCount),
      perplexity: Math.exp(this.#negativeLogLikelihood / predictionCount),
      topAgreement: this.#agreementCount / predictionCount,
    };
  }
}

function summarize(logits: Float32Array): { readonly logSum: number; readonly top: number } {
  let top = 0;
  for (let token = 1; token < logits.length; token += 1) {
    if (logits[token]! > logits[top]!) top = token;
  }
  const largest = logits[top]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return { logSum: largest + Math.log(sum), top };
}
