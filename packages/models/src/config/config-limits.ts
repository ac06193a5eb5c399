type Limited = "vocab" | "hidden" | "intermediate" | "layers" | "heads" | "headDim" | "context" | "experts";

/** The largest numbers that a config may have. */
export const configLimits: Readonly<Record<Limited, number>> = {
  vocab: 2 ** 24,
  hidden: 2 ** 20,
  intermediate: 2 ** 22,
  layers: 4096,
  heads: 2 ** 16,
  headDim: 2 ** 16,
  context: 2 ** 30,
  experts: 4096,
};
