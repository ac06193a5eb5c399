import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors, type TestTensor } from "../../../packages/models/test/support/safetensors.ts";

/** What a model says after a prompt that ends with a cue, token by token. */
export interface Recital {
  readonly cue: string;
  readonly tokens: readonly string[];
}

export interface RecitingModelOptions {
  readonly recitals: readonly Recital[];
  /** Tokens that are special besides the cues. */
  readonly specialTokens: readonly string[];
  readonly template: string;
}

export interface RecitingModel extends AsyncDisposable {
  readonly directory: string;
}

const end = "</s>";
const contextTokens = 1024;
const intermediateSize = 32;
/** Of the head: makes the next token of a recital far more likely than all others. */
const weight = 10;

/** The letters that byte-level vocabularies write bytes with. */
function byteLetters(): readonly string[] {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 255;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : (next += 1)));
}

function tokenizerOf(added: readonly string[], isSpecial: (token: string) => boolean): object {
  const letters = byteLetters();
  return {
    version: "1.0",
    added_tokens: added.map((content, at) => ({
      id: letters.length + at,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: isSpecial(content),
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])),
      merges: [],
    },
  };
}

/** A tensor of zeros except for some cells. */
function tensor(
  shape: readonly [number, number],
  cells: readonly (readonly [row: number, column: number, value: number])[] = [],
): TestTensor {
  const [rows, columns] = shape;
  const numbers = new Float32Array(rows * columns);
  for (const [row, column, value] of cells) numbers[row * columns + column] = value;
  return { dtype: "F32", shape, data: new Uint8Array(numbers.buffer) };
}

/** A layer of zeros adds nothing; the head turns each token into the next one of its recital. */
function weightsOf(size: number, next: ReadonlyMap<number, number>): Readonly<Record<string, TestTensor>> {
  const ones = new Float32Array(size).fill(1);
  const norm: TestTensor = { dtype: "F32", shape: [size], data: new Uint8Array(ones.buffer) };
  const layer = "model.layers.0";
  const attention = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => [
    `${layer}.self_attn.${name}.weight`,
    tensor([size, size]),
  ]);
  return {
    ...(Object.fromEntries(attention) as Readonly<Record<string, TestTensor>>),
    "model.embed_tokens.weight": tensor(
      [size, size],
      Array.from({ length: size }, (_, id) => [id, id, 1] as const),
    ),
    [`${layer}.input_layernorm.weight`]: norm,
    [`${layer}.post_attention_layernorm.weight`]: norm,
    [`${layer}.mlp.gate_proj.weight`]: tensor([intermediateSize, size]),
    [`${layer}.mlp.up_proj.weight`]: tensor([intermediateSize, size]),
    [`${layer}.mlp.down_proj.weight`]: tensor([size, intermediateSize]),
    "model.norm.weight": norm,
    "lm_head.weight": tensor(
      [size, size],
      [...next].map(([from, to]) => [to, from, weight] as const),
    ),
  };
}

/**
 * Makes a model whose answers are known: a prompt that ends with a cue is answered by the tokens of that recital. Each
 * token is in one recital only, and once, since it alone decides which token is next.
 */
export async function makeRecitingModel(options: RecitingModelOptions): Promise<RecitingModel> {
  const { recitals, specialTokens, template } = options;
  const cues = recitals.map(({ cue }) => cue);
  const said = recitals.flatMap(({ tokens }) => tokens);
  const added = [...new Set([end, ...cues, ...said])];
  const special = new Set([end, ...cues, ...specialTokens]);
  const idOf = (token: string): number => 256 + added.indexOf(token);
  const next = new Map<number, number>();
  for (const { cue, tokens } of recitals) {
    for (const [at, token] of tokens.entries()) next.set(idOf(tokens[at - 1] ?? cue), idOf(token));
    next.set(idOf(tokens.at(-1) ?? cue), idOf(end));
  }
  if (next.size !== said.length + cues.length) throw new Error("a token is in two recitals, or twice in one");
  const size = 16 * Math.ceil((256 + added.length) / 16);
  const directory = await mkdtemp(join(tmpdir(), "infernode-reciting-"));
  const write = (name: string, content: object): Promise<void> =>
    writeFile(join(directory, name), JSON.stringify(content));
  await write("config.json", {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_act: "silu",
    hidden_size: size,
    intermediate_size: intermediateSize,
    max_position_embeddings: contextTokens,
    num_attention_heads: 4,
    num_hidden_layers: 1,
    num_key_value_heads: 4,
    vocab_size: size,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
    bos_token_id: idOf(end),
    eos_token_id: idOf(end),
  });
  await write(
    "tokenizer.json",
    tokenizerOf(added, (token) => special.has(token)),
  );
  await write("tokenizer_config.json", {
    tokenizer_class: "PreTrainedTokenizerFast",
    eos_token: end,
    chat_template: template,
  });
  await writeFile(join(directory, "model.safetensors"), writeSafetensors(weightsOf(size, next)));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
