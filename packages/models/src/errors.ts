/** What went wrong. Codes are never reused; `docs/errors/models.md` says what to do about each. */
export type ModelErrorCode =
  | "INVALID_ARGUMENT"
  | "MODEL_NOT_FOUND"
  | "NOT_A_DIRECTORY"
  | "UNSUPPORTED_FORMAT"
  | "SEVERAL_MODELS"
  | "FILE_MISSING"
  | "FILE_UNREADABLE"
  | "FILE_TOO_LARGE"
  | "INVALID_JSON"
  | "INVALID_CONFIG"
  | "UNSUPPORTED_ARCHITECTURE"
  | "UNSUPPORTED_ROPE_SCALING"
  | "UNSUPPORTED_ACTIVATION"
  | "UNSUPPORTED_QUANTIZATION"
  | "INVALID_QUANTIZATION"
  | "INVALID_SAFETENSORS"
  | "SAFETENSORS_HEADER_TOO_LARGE"
  | "SAFETENSORS_TRUNCATED"
  | "INVALID_GGUF"
  | "GGUF_HEADER_TOO_LARGE"
  | "GGUF_TRUNCATED"
  | "UNSUPPORTED_DTYPE"
  | "INVALID_WEIGHT_INDEX"
  | "SHARD_MISSING"
  | "TENSOR_MISSING"
  | "TENSOR_DUPLICATED"
  | "TENSOR_SHAPE_MISMATCH"
  | "QUANTIZE_FAILED"
  | "WEIGHTS_CLOSED"
  | "INVALID_TOKENIZER"
  | "UNSUPPORTED_TOKENIZER"
  | "TOKENIZER_VOCAB_MISMATCH"
  | "TOKENIZER_FAILED"
  | "UNSUPPORTED_ADAPTER"
  | "INVALID_CHAT_TEMPLATE"
  | "CHAT_TEMPLATE_FAILED";

/** Where it went wrong, as far as known. */
export interface ModelErrorDetails {
  readonly file?: string | undefined;
  readonly tensor?: string | undefined;
  /** A field of a JSON file. */
  readonly field?: string | undefined;
  readonly cause?: unknown;
}

/** The two halves of a message, `expected …, got …`, and what to do about it. */
export interface Mismatch {
  readonly expected: string;
  readonly got: string;
  readonly advice?: string | undefined;
}

/** Says why a model cannot be used. Test `code`: it outlives the wording and a second copy of this package. */
export class ModelError extends Error {
  override readonly name: string = "ModelError";
  readonly code: ModelErrorCode;
  readonly file: string | undefined;
  readonly tensor: string | undefined;
  readonly field: string | undefined;

  /** A mismatch is written behind its place: `config.json: "head_dim": expected an even integer, got 7`. */
  constructor(code: ModelErrorCode, what: string | Mismatch, details: ModelErrorDetails = {}) {
    super(
      typeof what === "string" ? what : describeMismatch(what, details),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.file = details.file;
    this.tensor = details.tensor;
    this.field = details.field;
  }
}

function describeMismatch({ expected, got, advice }: Mismatch, details: ModelErrorDetails): string {
  const { file, tensor, field } = details;
  const place = [file, tensor && `tensor ${quoteValue(tensor)}`, field && `"${field}"`].filter(
    (part) => part !== undefined,
  );
  const message = `expected ${expected}, got ${got}`;
  return [...place, advice === undefined ? message : `${message}; ${advice}`].join(": ");
}

/** Formats any value for a message: short, and on one line. */
export function quoteValue(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

/** Formats the first names of a list for a message, with the number of the others. */
export function listNames(names: readonly string[], count: number): string {
  const more = names.length > count ? ` and ${names.length - count} more` : "";
  return names.slice(0, count).join(", ") + more;
}
