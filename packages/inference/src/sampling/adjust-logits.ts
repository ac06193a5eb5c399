import type { SamplingState } from "./sampling-state.ts";

/** The largest float32: beyond it, a logit would be infinite, and sampling undefined. */
const largestLogit = (2 - 2 ** -23) * 2 ** 127;

/**
 * Adjusts a row of logits by a sequence's parameters, in vLLM's order: suppressed tokens (banned sequences, and ends that come too early), bias, repetition penalty,
 * frequency penalty, presence penalty.
 * @see https://github.com/vllm-project/vllm/blob/main/vllm/v1/sample/sampler.py
 * @see Keskar et al. 2019, arXiv:1909.05858 (repetition penalty)
 */
export function adjustLogits(row: Float32Array, state: SamplingState): void {
  state.forEachSuppressed((id) => {
    row[id] = -Infinity;
  });
  for (const [id, bias] of state.params.logitBias) row[id] = row[id]! + bias;
  if (state.counts === undefined) return;
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = state.params;
  const { counts } = state;
  for (let slot = 0; slot < counts.distinctCount; slot += 1) {
    const id = counts.idAt(slot);
    const count = counts.countAt(slot);
    const logit = row[id]!;
    if (logit === -Infinity) continue;
    const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    const adjusted = repeated - frequencyPenalty * count - (count > 0 ? presencePenalty : 0);
    row[id] = adjusted > largestLogit ? largestLogit : adjusted < -largestLogit ? -largestLogit : adjusted;
  }
}
