import type { CaseSizes } from "../../../../src/executors/cuda/cases/case-sizes.ts";

/** Parts of what a model of the shape of Llama 3.1 8B has: whole rows of weights, all heads, few outputs and layers. */
export const modelSizes: CaseSizes = {
  fewRows: { n: 8, k: 4096, more: 0 },
  fewRowsOfTensorCores: { n: 32, k: 4096, more: 0, warps: 8 },
  manyRows: { n: 128, k: 512, rows: 128 },
  anyRows: { n: 256, k: 256, rows: 5 },
  attention: {
    heads: 32,
    kvHeads: 8,
    table: Array.from({ length: 24 }, (_, at) => (at * 7) % 24),
    position: 380,
    prefill: { tokens: 128, first: 0 },
    headDims: { any: 128, decode: 128, join: 128, rotated: 128 },
    rotaryDim: 128,
  },
  rows: { width: 4096, vocab: 32_000, tokenCount: 31_990 },
  elements: { width: 4096 },
};
