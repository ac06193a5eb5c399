type Json = Readonly<Record<string, unknown>>;

const byteChars: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const before = byte < 0x21 ? byte : byte < 0xa1 ? 33 + byte - 0x7f : 33 + 34;
  return String.fromCharCode(isPrintable ? byte : 0x100 + before);
});

const byteMerges = [
  "Ġ t",
  "h e",
  "Ġt he",
  "Ġ Ġ",
  "ĠĠ ĠĠ",
  "l l",
  "he ll",
  "hell o",
  "Ċ Ċ",
  "Ã ©",
  "1 2",
  "ð Ł",
];

/** A byte-level tokenizer: 256 bytes, a few merges, special tokens at the end. */
export function byteLevelJson(changes: Json = {}): Json {
  const vocab: Record<string, number> = {};
  for (const [id, char] of byteChars.entries()) {
    vocab[char] = id;
  }
  for (const merge of byteMerges) {
    vocab[merge.replace(" ", "")] = Object.keys(vocab).length;
  }
  const first = Object.keys(vocab).length;
  return {
    version: "1.0",
    added_tokens: [
      special(first, "<|begin|>"),
      special(first + 1, "<|end|>"),
      { ...special(first + 2, "<tool>"), special: false },
    ],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: byteMerges,
    },
    ...changes,
  };
}

const pieces = [
  "▁",
  "e",
  "h",
  "l",
  "o",
  "t",
  "w",
  "r",
  "d",
  "é",
  ".",
  "▁t",
  "he",
  "▁the",
  "ll",
  "▁▁",
  "hell",
  "hello",
];
const pieceMerges = ["▁ t", "h e", "▁t he", "l l", "▁ ▁", "he ll", "hell o"];

/** A SentencePiece-like tokenizer with byte fallback; `normalizer` as Llama 2 has it. */
export function sentencePieceJson(changes: Json = {}): Json {
  const names = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
    ...pieces,
  ];
  return {
    version: "1.0",
    added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges: pieceMerges,
    },
    ...changes,
  };
}

const unigramPieces: readonly (readonly [string, number])[] = [
  ["<unk>", 0],
  ["<s>", 0],
  ["</s>", 0],
  ["▁", -2],
  ["▁the", -3],
  ["h", -6],
  ["e", -6.1],
  ["l", -6.2],
  ["o", -6.3],
  ["▁hello", -5],
  ["hel", -5.5],
  ["lo", -5.2],
  ["t", -6.4],
];

/** A SentencePiece unigram tokenizer. */
export function unigramJson(): Json {
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  return {
    version: "1.0",
    added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
    normalizer: null,
    pre_tokenizer: metaspace,
    post_processor: null,
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 0, byte_fallback: false, vocab: unigramPieces },
  };
}

function special(id: number, content: string): Json {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}
