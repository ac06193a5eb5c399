import type { Marks } from "../read-until.ts";
import type { AnswerParser } from "./answer-parser.ts";

/** What a tracker reads an answer with. */
export interface ReasoningTrackerParts {
  /** Of the reasoning alone: the rest of the answer means nothing to it. */
  readonly parser: AnswerParser;
  /** Those that end reasoning. */
  readonly ends: Marks;
  /** The text that the parser gets of a token. */
  readonly textOf: (tokenId: number) => string;
}

/** Follows the reasoning of one answer, token by token. */
export class ReasoningTracker {
  readonly #parts: ReasoningTrackerParts;
  /** Texts of the latest tokens, while they may be part of a mark. */
  #pending: string[] = [];
  #tokenCount = 0;

  constructor(parts: ReasoningTrackerParts) {
    this.#parts = parts;
  }

  /** The tokens so far end within the reasoning, or within the mark after it. */
  get isOpen(): boolean {
    return this.#parts.parser.isReasoning;
  }

  /** Tokens of reasoning, without those of its marks and those that may turn out to be. */
  get tokenCount(): number {
    return this.#tokenCount;
  }

  /** The latest tokens that may be the beginning of a mark. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  accept(tokenId: number): void {
    const { parser, ends, textOf } = this.#parts;
    const wasOpen = parser.isReasoning;
    const text = textOf(tokenId);
    parser.push(text);
    if (!wasOpen) return;
    this.#pending.push(text);
    const joined = this.#pending.join("");
    if (parser.isReasoning) {
      this.#settle(joined.length - ends.heldLength(joined));
    } else {
      this.#settle(ends.findIn(joined)?.at ?? 0);
      this.#pending = [];
    }
  }

  /** The answer has ended: what may have been a mark is none. */
  end(): void {
    this.#tokenCount += this.#pending.length;
    this.#pending = [];
  }

  /** Counts the pending tokens of a text's beginning. */
  #settle(length: number): void {
    let end = 0;
    const settled = this.#pending.findIndex((text) => (end += text.length) > length);
    this.#tokenCount += this.#pending.splice(0, settled < 0 ? this.#pending.length : settled).length;
  }
}
