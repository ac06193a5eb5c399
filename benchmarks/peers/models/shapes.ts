/** The sizes of a decoder, with random weights of its own. */
export interface Shape {
  readonly name: string;
  readonly family: "llama" | "qwen2";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly ropeTheta: number;
  readonly isHeadTied: boolean;
}

/** Positions of every shape: enough for the longest prompt that is measured. */
export const shapeContextTokens = 4096;

/** The shapes of models by their names on the command line. Rope scaling is left out: it costs nothing in a step. */
export const shapes: readonly Shape[] = [
  {
    name: "tinyllama-1.1b",
    family: "llama",
    vocabSize: 32_000,
    hiddenSize: 2048,
    intermediateSize: 5632,
    layerCount: 22,
    headCount: 32,
    kvHeadCount: 4,
    headDim: 64,
    ropeTheta: 10_000,
    isHeadTied: false,
  },
  {
    name: "qwen2.5-0.5b",
    family: "qwen2",
    vocabSize: 151_936,
    hiddenSize: 896,
    intermediateSize: 4864,
    layerCount: 24,
    headCount: 14,
    kvHeadCount: 2,
    headDim: 64,
    ropeTheta: 1_000_000,
    isHeadTied: true,
  },
  {
    name: "llama-3.2-1b",
    family: "llama",
    vocabSize: 128_256,
    hiddenSize: 2048,
    intermediateSize: 8192,
    layerCount: 16,
    headCount: 32,
    kvHeadCount: 8,
    headDim: 64,
    ropeTheta: 500_000,
    isHeadTied: true,
  },
  {
    name: "small-60m",
    family: "llama",
    vocabSize: 32_000,
    hiddenSize: 512,
    intermediateSize: 1408,
    layerCount: 10,
    headCount: 8,
    kvHeadCount: 2,
    headDim: 64,
    ropeTheta: 10_000,
    isHeadTied: false,
  },
  {
    name: "tiny",
    family: "llama",
    vocabSize: 1024,
    hiddenSize: 256,
    intermediateSize: 768,
    layerCount: 3,
    headCount: 4,
    kvHeadCount: 2,
    headDim: 64,
    ropeTheta: 10_000,
    isHeadTied: false,
  },
  {
    name: "tiny-tied",
    family: "qwen2",
    vocabSize: 1024,
    hiddenSize: 384,
    intermediateSize: 640,
    layerCount: 2,
    headCount: 6,
    kvHeadCount: 2,
    headDim: 64,
    ropeTheta: 1_000_000,
    isHeadTied: true,
  },
];

/** What a tensor is in the network. */
export type TensorRole =
  | "embedding"
  | "head"
  | "norm"
  | "final-norm"
  | "bias"
  | "query"
  | "key"
  | "input"
  | "output";

export interface ShapeTensor {
  /** In a Hugging Face checkpoint. */
  readonly name: string;
  /** In a GGUF file. */
  readonly ggufName: string;
  readonly shape: readonly number[];
  readonly role: TensorRole;
}

/** The tensors of a shape, in the order of both files. */
export function tensorsOf(shape: Shape): readonly ShapeTensor[] {
  const { hiddenSize: hidden, intermediateSize: wide, vocabSize, headDim } = shape;
  const queryWidth = shape.headCount * headDim;
  const kvWidth = shape.kvHeadCount * headDim;
  const tensors: ShapeTensor[] = [];
  const add = (names: readonly [name: string, ggufName: string], sizes: number[], role: TensorRole): void => {
    tensors.push({ name: names[0], ggufName: names[1], shape: sizes, role });
  };
  add(["model.embed_tokens.weight", "token_embd.weight"], [vocabSize, hidden], "embedding");
  for (let layer = 0; layer < shape.layerCount; layer += 1) {
    const inLayer = (name: string, ggufName: string): readonly [string, string] => [
      `model.layers.${layer}.${name}`,
      `blk.${layer}.${ggufName}`,
    ];
    add(inLayer("input_layernorm.weight", "attn_norm.weight"), [hidden], "norm");
    add(inLayer("self_attn.q_proj.weight", "attn_q.weight"), [queryWidth, hidden], "query");
    add(inLayer("self_attn.k_proj.weight", "attn_k.weight"), [kvWidth, hidden], "key");
    add(inLayer("self_attn.v_proj.weight", "attn_v.weight"), [kvWidth, hidden], "input");
    if (shape.family === "qwen2") {
      add(inLayer("self_attn.q_proj.bias", "attn_q.bias"), [queryWidth], "bias");
      add(inLayer("self_attn.k_proj.bias", "attn_k.bias"), [kvWidth], "bias");
      add(inLayer("self_attn.v_proj.bias", "attn_v.bias"), [kvWidth], "bias");
    }
    add(inLayer("self_attn.o_proj.weight", "attn_output.weight"), [hidden, queryWidth], "output");
    add(inLayer("post_attention_layernorm.weight", "ffn_norm.weight"), [hidden], "norm");
    add(inLayer("mlp.gate_proj.weight", "ffn_gate.weight"), [wide, hidden], "input");
    add(inLayer("mlp.up_proj.weight", "ffn_up.weight"), [wide, hidden], "input");
    add(inLayer("mlp.down_proj.weight", "ffn_down.weight"), [hidden, wide], "output");
  }
  add(["model.norm.weight", "output_norm.weight"], [hidden], "final-norm");
  if (!shape.isHeadTied) add(["lm_head.weight", "output.weight"], [vocabSize, hidden], "head");
  return tensors;
}
