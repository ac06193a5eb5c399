/** How large the values of cases are. */
export interface CaseSizes {
  /** Outputs and columns of products of few rows, and rows beside those that are read at once. */
  readonly fewRows: { readonly n: number; readonly k: number; readonly more: number };
  /** Those of tensor cores, whose columns are shared by warps. */
  readonly fewRowsOfTensorCores: {
    readonly n: number;
    readonly k: number;
    readonly more: number;
    readonly warps: number;
  };
  readonly manyRows: { readonly n: number; readonly k: number; readonly rows: number };
  readonly anyRows: { readonly n: number; readonly k: number; readonly rows: number };
  readonly attention: AttentionSizes;
  /** Rows of logits, and of numbers that are copied or computed one by one. */
  readonly rows: { readonly width: number; readonly vocab: number; readonly tokenCount: number };
  readonly elements: { readonly width: number };
}

export interface AttentionSizes {
  readonly heads: number;
  readonly kvHeads: number;
  /** Numbers of the pages of one sequence, in order. */
  readonly table: readonly number[];
  /** Where the first token of a decode step is. */
  readonly position: number;
  readonly prefill: { readonly tokens: number; readonly first: number };
  /** Of the kernels that take any size. */
  readonly headDims: {
    readonly any: number;
    readonly decode: number;
    readonly join: number;
    readonly rotated: number;
  };
  readonly rotaryDim: number;
}

/** Small enough that all kernels are checked within seconds. */
export const checkSizes: CaseSizes = {
  fewRows: { n: 6, k: 544, more: 1 },
  fewRowsOfTensorCores: { n: 20, k: 544, more: 1, warps: 2 },
  manyRows: { n: 24, k: 96, rows: 20 },
  anyRows: { n: 40, k: 96, rows: 5 },
  attention: {
    heads: 4,
    kvHeads: 2,
    table: [2, 0, 3, 1],
    position: 40,
    prefill: { tokens: 12, first: 30 },
    headDims: { any: 24, decode: 48, join: 40, rotated: 32 },
    rotaryDim: 24,
  },
  rows: { width: 64, vocab: 1000, tokenCount: 990 },
  elements: { width: 100 },
};
