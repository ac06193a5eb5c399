import { InferenceError, reasonOf } from "../errors.ts";
import type { TokenDecoderPort } from "../ports.ts";
import { isContinuation, Utf8Tail } from "./utf8-tail.ts";

const replacement = "\uFFFD";
/** Tokens of the prompt that are decoded with the first generated ones, so that a leading space is kept. */
const contextTokens = 5;
/** New tokens in a window before the older half is dropped, so that the work stays linear. */
const windowTokens = 16;
/** An incomplete character has at most three bytes, and decodes to at most so many U+FFFD. */
const maxIncompleteLength = 3;

/**
 * Decodes tokens incrementally, into whole characters only.
 *
 * The text of a token depends on the tokens before it, so a small window is decoded: the last piece again, then the
 * new tokens; what follows the piece is new.
 * @see https://github.com/huggingface/text-generation-inference (`decode_token`), vLLM (`detokenize_incrementally`)
 */
export class Detokenizer {
  readonly #decoder: TokenDecoderPort;
  readonly #options: { readonly skipSpecialTokens: boolean };
  /** Special tokens that are left out; the others are in the text. */
  readonly #isSkipped: (tokenId: number) => boolean;
  readonly #tail: Utf8Tail = new Utf8Tail();
  /** The last piece, then the tokens after it. */
  #window: number[];
  #pieceTokenCount: number;
  #pieceText: string;
  /** How much of the window's text was returned. */
  #emittedLength: number;
  /** Whether the piece is not decoded yet: nothing was held back since. */
  #isPieceUnread = false;

  constructor(
    decoder: TokenDecoderPort,
    options: {
      readonly skipSpecialTokens: boolean;
      /** Special tokens that stay in the text where others are skipped. [none] */
      readonly keptTokenIds?: ReadonlySet<number>;
      readonly promptTokenIds?: Int32Array;
    },
  ) {
    const { skipSpecialTokens, keptTokenIds = new Set<number>() } = options;
    this.#decoder = decoder;
    // The decoder skips all special tokens or none.
    this.#options = { skipSpecialTokens: skipSpecialTokens && keptTokenIds.size === 0 };
    this.#isSkipped = (tokenId) => skipSpecialTokens && !keptTokenIds.has(tokenId);
    this.#window = contextOf(decoder, options.promptTokenIds ?? new Int32Array());
    this.#pieceTokenCount = this.#window.length;
    this.#pieceText = this.#decode();
    this.#emittedLength = this.#pieceText.length;
  }

  /** Takes a token; returns the text that is complete with it. */
  push(tokenId: number): string {
    const known = this.#textOf(tokenId);
    if (known !== undefined) return known;
    if (this.#isPieceUnread) this.#readPiece();
    const bytes = this.#decoder.bytesOf(tokenId);
    if (bytes.length === 0 && this.#isSkipped(tokenId)) return "";
    this.#window.push(tokenId);
    this.#tail.push(bytes);
    const text = this.#decodeAfterPiece();
    const newTokenCount = this.#window.length - this.#pieceTokenCount;
    const isIncomplete =
      text.endsWith(replacement) && (bytes.length === 0 ? newTokenCount < 4 : this.#tail.isIncomplete());
    const end = isIncomplete ? withoutReplacements(text) : text.length;
    const emitted = text.slice(this.#emittedLength, end);
    this.#emittedLength = Math.max(this.#emittedLength, end);
    if (!isIncomplete && end > this.#pieceText.length) this.#slide();
    else if (newTokenCount >= windowTokens) this.#shorten(text.length - this.#emittedLength);
    return emitted;
  }

  /** Returns what was held back; an incomplete character becomes U+FFFD. */
  flush(): string {
    if (this.#window.length === this.#pieceTokenCount) return "";
    const emitted = this.#decodeAfterPiece().slice(this.#emittedLength);
    this.#slide();
    return emitted;
  }

  /** The text of a token that has whole characters, behind a piece that was returned; the token is the next piece. */
  #textOf(tokenId: number): string | undefined {
    const isBehind = this.#isPieceUnread || this.#pieceText !== "";
    const isReturned = isBehind && this.#window.length === this.#pieceTokenCount;
    const text = isReturned ? this.#decoder.textBehind?.(tokenId) : undefined;
    if (text === undefined) return undefined;
    this.#window.length = 1;
    this.#window[0] = tokenId;
    this.#pieceTokenCount = 1;
    this.#isPieceUnread = true;
    return text;
  }

  #readPiece(): void {
    this.#pieceText = this.#decode();
    this.#emittedLength = this.#pieceText.length;
    this.#tail.reset();
    this.#isPieceUnread = false;
  }

  #decode(): string {
    if (this.#window.length === 0) return "";
    try {
      return this.#decoder.decode(this.#window, this.#options);
    } catch (cause) {
      const message = `the tokenizer failed to decode ${this.#window.join(", ")}: ${reasonOf(cause)}`;
      throw new InferenceError("DECODER_FAILED", message, { cause });
    }
  }

  /** Some tokenizers decode the piece differently when tokens follow; then the new tokens are decoded without it. */
  #decodeAfterPiece(): string {
    const text = this.#decode();
    if (this.#pieceTokenCount === 0 || text.startsWith(this.#pieceText)) return text;
    this.#window = this.#window.slice(this.#pieceTokenCount);
    this.#pieceTokenCount = 0;
    this.#pieceText = "";
    this.#emittedLength = 0;
    return this.#decode();
  }

  /** Starts a new piece after the returned text. */
  #slide(): void {
    this.#window = this.#window.slice(this.#pieceTokenCount);
    this.#pieceTokenCount = this.#window.length;
    this.#readPiece();
  }

  /** Drops the window's start, for text that ends within a character at every token. */
  #shorten(heldLength: number): void {
    this.#window = this.#window.slice(-windowTokens / 2);
    this.#pieceTokenCount = 0;
    this.#pieceText = "";
    this.#emittedLength = this.#decode().length - heldLength;
  }
}

/** The prompt's last tokens, from the start of a character. */
function contextOf(decoder: TokenDecoderPort, promptTokenIds: Int32Array): number[] {
  let start = Math.max(0, promptTokenIds.length - contextTokens);
  const least = Math.max(0, start - maxIncompleteLength);
  while (start > least && isContinuation(decoder.bytesOf(promptTokenIds[start]!)[0] ?? 0)) start -= 1;
  return Array.from(promptTokenIds.subarray(start));
}

function withoutReplacements(text: string): number {
  const least = text.length - maxIncompleteLength;
  let end = text.length;
  while (end > least && text[end - 1] === replacement) end -= 1;
  return end;
}
