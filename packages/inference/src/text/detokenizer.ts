import { InferenceError } from "../errors.ts";
import type { TokenDecoderPort } from "../ports.ts";
import { isContinuation, Utf8Tail } from "./utf8-tail.ts";

const replacement = "\uFFFD";
/** How much of the prompt is decoded with the first tokens, so that a leading space is kept. */
const contextTokens = 5;
/** New tokens in a window, so that the work stays linear; beyond, the older half is dropped. */
const windowTokens = 16;
/** A character that lacks a byte has at most three, and shows as at most so many U+FFFD. */
const maxIncompleteLength = 3;

/**
 * Turns tokens into text as they come: whole characters only.
 *
 * What a token looks like depends on what stands before it, so a small window is decoded: the last
 * piece again, then the new tokens; what goes beyond the piece is new.
 * @see https://github.com/huggingface/text-generation-inference (`decode_token`), vLLM (`detokenize_incrementally`)
 */
export class Detokenizer {
  readonly #decoder: TokenDecoderPort;
  readonly #options: { readonly skipSpecialTokens: boolean };
  readonly #tail: Utf8Tail = new Utf8Tail();
  /** The last piece, then the tokens after it. */
  #window: number[];
  #pieceTokenCount: number;
  #pieceText: string;
  /** How much of the window's text was given out. */
  #givenLength: number;

  constructor(
    decoder: TokenDecoderPort,
    options: { readonly skipSpecialTokens: boolean; readonly promptTokenIds?: Int32Array },
  ) {
    this.#decoder = decoder;
    this.#options = { skipSpecialTokens: options.skipSpecialTokens };
    this.#window = contextOf(decoder, options.promptTokenIds ?? new Int32Array());
    this.#pieceTokenCount = this.#window.length;
    this.#pieceText = this.#decode();
    this.#givenLength = this.#pieceText.length;
  }

  /** Takes a token; answers the text that is now certain. */
  push(tokenId: number): string {
    const bytes = this.#decoder.bytesOf(tokenId);
    if (bytes.length === 0 && this.#options.skipSpecialTokens) return "";
    this.#window.push(tokenId);
    this.#tail.push(bytes);
    const text = this.#decodeAfterPiece();
    const newTokenCount = this.#window.length - this.#pieceTokenCount;
    const isIncomplete =
      text.endsWith(replacement) && (bytes.length === 0 ? newTokenCount < 4 : this.#tail.isIncomplete());
    const end = isIncomplete ? withoutReplacements(text) : text.length;
    const given = text.slice(this.#givenLength, end);
    this.#givenLength = Math.max(this.#givenLength, end);
    if (!isIncomplete && end > this.#pieceText.length) this.#slide();
    else if (newTokenCount >= windowTokens) this.#shorten(text.length - this.#givenLength);
    return given;
  }

  /** Gives what was held back; a character that never became whole shows as U+FFFD. */
  flush(): string {
    if (this.#window.length === this.#pieceTokenCount) return "";
    const given = this.#decodeAfterPiece().slice(this.#givenLength);
    this.#slide();
    return given;
  }

  #decode(): string {
    if (this.#window.length === 0) return "";
    try {
      return this.#decoder.decode(this.#window, this.#options);
    } catch (cause) {
      const message = `the tokens ${this.#window.join(", ")} must decode to text; the decoder threw`;
      throw new InferenceError("DECODER_FAILED", message, { cause });
    }
  }

  /** Some decoders rewrite the piece when bytes follow it; then the new tokens are decoded without it. */
  #decodeAfterPiece(): string {
    const text = this.#decode();
    if (this.#pieceTokenCount === 0 || text.startsWith(this.#pieceText)) return text;
    this.#window = this.#window.slice(this.#pieceTokenCount);
    this.#pieceTokenCount = 0;
    this.#pieceText = "";
    this.#givenLength = 0;
    return this.#decode();
  }

  /** What was given ends a piece. */
  #slide(): void {
    this.#window = this.#window.slice(this.#pieceTokenCount);
    this.#pieceTokenCount = this.#window.length;
    this.#pieceText = this.#decode();
    this.#givenLength = this.#pieceText.length;
    this.#tail.reset();
  }

  /** For text that ends within a character token after token: forgets the window's start. */
  #shorten(heldLength: number): void {
    this.#window = this.#window.slice(-windowTokens / 2);
    this.#pieceTokenCount = 0;
    this.#pieceText = "";
    this.#givenLength = this.#decode().length - heldLength;
  }
}

/** The prompt's last tokens, from the start of a character on. */
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
