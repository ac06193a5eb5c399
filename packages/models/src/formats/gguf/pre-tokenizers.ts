import type { JsonObject } from "../../files/json-shape.ts";

/** How a text is prepared for byte-level BPE. */
export interface PreTokenizer {
  /** Texts are split by each in turn; a match is a word, and so is what is between two. */
  readonly patterns: readonly string[];
  /** The same for the letters that bytes are written as, after that. */
  readonly bytePatterns?: readonly string[];
  /** As the tokenizer that the file was made from has it; llama.cpp normalizes nothing. */
  readonly normalizer?: JsonObject;
  /** A word that is a token is not merged from its characters. */
  readonly ignoresMerges?: boolean;
  /** Whether a text starts with `bos` where the file does not say. */
  readonly addsBos?: boolean;
}

const nfc = { type: "NFC" };
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const wordsAndDigits = (digits: string): string =>
  String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const gpt2: PreTokenizer = { patterns: [gpt2Pattern] };
/** GPT-NeoX's. */
const neox: PreTokenizer = { patterns: [gpt2Pattern], normalizer: nfc };
const singleDigits: PreTokenizer = { patterns: [String.raw`\p{N}`, gpt2Pattern] };
const llama3: PreTokenizer = {
  patterns: [wordsAndDigits(String.raw`\p{N}{1,3}`)],
  ignoresMerges: true,
  addsBos: true,
};
const qwen2: PreTokenizer = { patterns: [wordsAndDigits(String.raw`\p{N}`)], normalizer: nfc };
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const tekken: PreTokenizer = {
  patterns: [
    String.raw`[^\r\n\p{L}\p{N}]?${upper}*${lower}+|[^\r\n\p{L}\p{N}]?${upper}+${lower}*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  ignoresMerges: true,
  addsBos: true,
};
const falcon: PreTokenizer = {
  patterns: ["[\\p{P}$+<=>^~|`]+", gpt2Pattern],
  // Six of those letters are numbers, such as ².
  bytePatterns: [String.raw`\p{N}+`, "[0-9][0-9][0-9]"],
};
/** o200k of OpenAI. */
const gpt4o: PreTokenizer = {
  patterns: [
    String.raw`[^\r\n\p{L}\p{N}]?${upper}*${lower}+${contractions}?|[^\r\n\p{L}\p{N}]?${upper}+${lower}*${contractions}?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
};
const ideographs = "[一-龥ࠀ-一가-\u{D7FF}]+";
const deepseekLlm: PreTokenizer = {
  patterns: [
    "[\r\n]",
    // The original spells the cased letters of an older Unicode out.
    String.raw`\s?[\p{Lu}\p{Ll}\p{Lt}]+`,
    String.raw`\s?[!-/:-~！-／：-～‘-‟　-。]+`,
    String.raw`\s+$`,
    ideographs,
    String.raw`\p{N}+`,
  ],
};
const deepseekCoder: PreTokenizer = {
  patterns: ["[\r\n]", String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, ideographs, String.raw`\p{N}`],
};
/** What llama.cpp uses for files that name none. */
const unnamed: PreTokenizer = {
  patterns: [
    String.raw`[\p{P}\$\+<=>\^~\|]+`,
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`,
    String.raw`\p{N}+`,
    "[0-9][0-9][0-9]",
  ],
};

/**
 * By `tokenizer.ggml.pre`: those that models of the supported architectures have.
 *
 * @see llama.cpp, `src/llama-vocab.cpp`, and the `tokenizer.json` of the models
 */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map([
  ["default", unnamed],
  ["gpt-2", gpt2],
  ["phi-2", gpt2],
  ["mpt", neox],
  ["olmo", neox],
  ["smollm", singleDigits],
  ["starcoder", singleDigits],
  ["refact", singleDigits],
  ["command-r", { ...singleDigits, normalizer: nfc }],
  ["codeshell", singleDigits],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["pixtral", llama3],
  ["dbrx", { patterns: llama3.patterns }],
  ["smaug-bpe", { patterns: llama3.patterns }],
  ["gpt-4o", gpt4o],
  ["stablelm2", { patterns: qwen2.patterns }],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen2],
  ["megrez", qwen2],
  ["falcon", falcon],
  ["falcon3", llama3],
  ["minerva-7b", singleDigits],
  ["deepseek-llm", deepseekLlm],
  ["deepseek-coder", deepseekCoder],
  ["tekken", tekken],
]);
