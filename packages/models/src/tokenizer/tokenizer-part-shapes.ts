import {
  character,
  fields,
  flag,
  integerUpTo,
  isJsonObject,
  listOf,
  mapOf,
  nullable,
  oneField,
  oneOf,
  optional,
  shape,
  ShapeError,
  tagged,
  text,
  textUpTo,
  tuple,
  UnsupportedShapeError,
} from "../files/json-shape.ts";
import type { Shape } from "../files/json-shape.ts";

/** A pattern of a public tokenizer has at most some hundred characters. */
const maxPatternCharacters = 8192;
const maxSteps = 256;
const maxPieces = 256;
/** Each level takes two of the 128 that the Rust library's JSON reader allows. */
const maxDepth = 64;
const maxContentCharacters = 4096;

const u32 = integerUpTo(2 ** 32 - 1);
const usize = integerUpTo(Number.MAX_SAFE_INTEGER);
const fixedSize = shape(
  "an integer of at least 1",
  (value) => Number.isSafeInteger(value) && (value as number) >= 1,
);
const shortText = textUpTo(maxContentCharacters);
const patternText = textUpTo(maxPatternCharacters);
const pattern = oneField({ String: patternText, Regex: patternText });
const someText = textUpTo(maxPatternCharacters, 1);
const replacedPattern = oneField({ String: someText, Regex: patternText });
const behavior = oneOf("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");
const nothing = fields({});
/** A step of the format that the encoding library does not have. */
const unsupported: Shape = (value, path) => {
  throw new UnsupportedShapeError(path, "a supported step", isJsonObject(value) ? value["type"] : value);
};

/** A `Sequence` of steps, which may be sequences themselves. */
function sequence(name: string, step: () => Shape): Shape {
  return (value, path) => {
    const depth = path.match(/\[/g)?.length ?? 0;
    if (depth > maxDepth) throw new ShapeError(path, `steps nested at most ${maxDepth} deep`, depth);
    fields({ [name]: listOf(step(), maxSteps) })(value, path);
  };
}

const charsmap = shape("a compiled character map in base64", (value) => {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
  const trieBytes = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
  return trieBytes > 0 && trieBytes % 4 === 0 && trieBytes <= bytes.length - 4;
});

/** @see https://github.com/huggingface/tokenizers, `tokenizers/src/normalizers` */
export const normalizerShape: Shape = tagged({
  BertNormalizer: fields({
    clean_text: flag,
    handle_chinese_chars: flag,
    strip_accents: nullable(flag),
    lowercase: flag,
  }),
  Strip: fields({ strip_left: flag, strip_right: flag }),
  StripAccents: nothing,
  NFC: nothing,
  NFD: nothing,
  NFKC: nothing,
  NFKD: nothing,
  Lowercase: nothing,
  Nmt: unsupported,
  ByteLevel: unsupported,
  Precompiled: fields({ precompiled_charsmap: charsmap }),
  Replace: fields({ pattern: replacedPattern, content: shortText }),
  Prepend: fields({ prepend: shortText }),
  Sequence: sequence("normalizers", () => normalizerShape),
});

const byteLevel = fields({ add_prefix_space: flag, trim_offsets: flag, use_regex: optional(flag) });
const metaspaceFields = fields({
  replacement: character,
  add_prefix_space: nullable(flag),
  prepend_scheme: optional(oneOf("first", "never", "always")),
  split: nullable(flag),
});
const metaspace: Shape = (value, path) => {
  metaspaceFields(value, path);
  if (isJsonObject(value) && value["add_prefix_space"] === false && value["prepend_scheme"] !== "never") {
    throw new ShapeError(
      `${path}.prepend_scheme`,
      '"never", as add_prefix_space is false',
      value["prepend_scheme"],
    );
  }
};

/** @see https://github.com/huggingface/tokenizers, `tokenizers/src/pre_tokenizers` */
export const preTokenizerShape: Shape = tagged({
  BertPreTokenizer: nothing,
  ByteLevel: byteLevel,
  CharDelimiterSplit: fields({ delimiter: character }),
  Metaspace: metaspace,
  Whitespace: nothing,
  WhitespaceSplit: nothing,
  // `explicitSplits` refuses an unknown behavior.
  Split: fields({ pattern, behavior: text, invert: flag }),
  Punctuation: fields({ behavior: optional(behavior) }),
  Digits: fields({ individual_digits: flag }),
  UnicodeScripts: unsupported,
  FixedLength: fields({ length: optional(fixedSize) }),
  Sequence: sequence("pretokenizers", () => preTokenizerShape),
});

const templatePieces = listOf(
  oneField({
    Sequence: fields({ id: oneOf("A", "B"), type_id: u32 }),
    SpecialToken: fields({ id: text, type_id: u32 }),
  }),
  maxPieces,
);
const tokenAndId = tuple(text, u32);

/** @see https://github.com/huggingface/tokenizers, `tokenizers/src/processors` */
export const postProcessorShape: Shape = tagged({
  BertProcessing: fields({ sep: tokenAndId, cls: tokenAndId }),
  RobertaProcessing: fields({
    sep: tokenAndId,
    cls: tokenAndId,
    trim_offsets: optional(flag),
    add_prefix_space: optional(flag),
  }),
  ByteLevel: byteLevel,
  TemplateProcessing: fields({
    single: templatePieces,
    pair: templatePieces,
    special_tokens: mapOf(fields({ id: text, ids: listOf(u32, maxPieces), tokens: listOf(text, maxPieces) })),
  }),
  Sequence: sequence("processors", () => postProcessorShape),
});

/** @see https://github.com/huggingface/tokenizers, `tokenizers/src/decoders` */
export const decoderShape: Shape = tagged({
  BPEDecoder: unsupported,
  ByteLevel: byteLevel,
  WordPiece: unsupported,
  Metaspace: metaspace,
  CTC: unsupported,
  Replace: fields({ pattern: replacedPattern, content: shortText }),
  ByteFallback: nothing,
  Fuse: nothing,
  Strip: fields({ content: character, start: usize, stop: usize }),
  Sequence: sequence("decoders", () => decoderShape),
});

export const truncationShape: Shape = fields({
  direction: optional(oneOf("Left", "Right")),
  max_length: usize,
  strategy: oneOf("LongestFirst", "OnlyFirst", "OnlySecond"),
  stride: usize,
});

const fixedLength = oneField({ Fixed: usize });
export const paddingShape: Shape = fields({
  strategy: (value, path) => (value === "BatchLongest" ? undefined : fixedLength(value, path)),
  direction: oneOf("Left", "Right"),
  pad_to_multiple_of: nullable(usize),
  pad_id: u32,
  pad_type_id: u32,
  pad_token: text,
});
