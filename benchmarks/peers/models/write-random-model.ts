import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createRandom, logNormal } from "../../lib/random.ts";
import { shapeContextTokens, tensorsOf, type Shape, type ShapeTensor } from "./shapes.ts";

/** Standard deviation of the logits: the most likely token of 32,000 has a probability of about a tenth. */
const logitSpread = 3;
/** What all layers add together, in relation to the embedding. */
const layersShare = 1;
const tableSize = 4096;
const chunkValues = 4 * 2 ** 20;

/** Writes a Hugging Face directory with random BF16 weights, the same for every run; every layer has its own. */
export function writeRandomModel(directory: string, shape: Shape): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(configOf(shape)));
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizerOf(shape)));
  const settings = { tokenizer_class: "PreTrainedTokenizerFast", bos_token: "<s>", eos_token: "</s>" };
  writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(settings));
  writeWeights(join(directory, "model.safetensors"), shape);
}

/** Spellings of the vocabulary: three special tokens, the letters of all bytes, and names without a meaning. */
export function spellingsOf({ vocabSize }: Shape): readonly string[] {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 255;
  const letters = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPlain(byte) ? byte : (next += 1)),
  );
  const spellings = ["<unk>", "<s>", "</s>", ...letters];
  while (spellings.length < vocabSize) spellings.push(`x${spellings.length}`);
  return spellings;
}

function configOf(shape: Shape): Readonly<Record<string, unknown>> {
  const isLlama = shape.family === "llama";
  return {
    architectures: [isLlama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"],
    model_type: shape.family,
    vocab_size: shape.vocabSize,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.layerCount,
    num_attention_heads: shape.headCount,
    num_key_value_heads: shape.kvHeadCount,
    head_dim: shape.headDim,
    max_position_embeddings: shapeContextTokens,
    rms_norm_eps: 1e-5,
    rope_theta: shape.ropeTheta,
    hidden_act: "silu",
    tie_word_embeddings: shape.isHeadTied,
    torch_dtype: "bfloat16",
    bos_token_id: 1,
    eos_token_id: 2,
  };
}

function tokenizerOf(shape: Shape): Readonly<Record<string, unknown>> {
  const spellings = spellingsOf(shape);
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    added_tokens: spellings.slice(0, 3).map((content, id) => Object.assign({ id, content }, flags)),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(spellings.map((name, id) => [name, id])),
      merges: [],
    },
  };
}

function writeWeights(path: string, shape: Shape): void {
  const tensors = tensorsOf(shape);
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + 2 * valueCount(tensor);
    header[tensor.name] = { dtype: "BF16", shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const headerBytes = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.concat([length, headerBytes]));
    tensors.forEach((tensor, at) => writeValues(file, tensor, { shape, seed: at + 1 }));
  } finally {
    closeSync(file);
  }
}

function writeValues(
  file: number,
  tensor: ShapeTensor,
  { shape, seed }: { readonly shape: Shape; readonly seed: number },
): void {
  const table = valueTable(tensor, shape);
  const total = valueCount(tensor);
  // xorshift32; each state yields two values.
  let state = Math.imul(seed, 0x9e37_79b9) | 1;
  for (let start = 0; start < total; start += chunkValues) {
    const values = new Uint16Array(Math.min(chunkValues, total - start));
    for (let at = 0; at < values.length; at += 2) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[at] = table[state & (tableSize - 1)]!;
      if (at + 1 < values.length) values[at + 1] = table[(state >>> 16) & (tableSize - 1)]!;
    }
    writeSync(file, values);
  }
}

/** The values of a tensor as BF16: normally distributed, but for norms, which are random signs or 1. */
function valueTable({ role, shape: sizes }: ShapeTensor, shape: Shape): Uint16Array {
  const random = createRandom(7);
  const embeddingSpread = logitSpread / Math.sqrt(shape.hiddenSize);
  const fanIn = Math.sqrt(sizes[1] ?? 1);
  const spreads: Record<typeof role, number> = {
    embedding: embeddingSpread,
    head: embeddingSpread,
    bias: 0.1,
    query: 1 / fanIn,
    key: 1 / fanIn,
    input: 1 / fanIn,
    output: (2 * layersShare * embeddingSpread) / Math.sqrt(shape.layerCount) / fanIn,
    norm: 0,
    "final-norm": 0,
  };
  const values = Float32Array.from({ length: tableSize }, (_, at) => {
    if (role === "norm") return 1;
    // Signs keep a tied head from answering every token with itself.
    if (role === "final-norm") return at % 2 === 0 ? 1 : -1;
    return Math.log(logNormal(random, 1, 1)) * spreads[role];
  });
  // A mean would be a direction that all matrices share: after some layers, every prompt ends in the same state.
  if (spreads[role] > 0) values.forEach((value, at) => (values[at ^ 1] = -value));
  const halves = new Uint16Array(values.buffer);
  return Uint16Array.from({ length: tableSize }, (_, at) => halves[2 * at + 1]!);
}

function valueCount({ shape }: ShapeTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}
