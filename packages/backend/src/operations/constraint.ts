import type { ConstraintPort, ConstraintStatePort } from "@infernode/inference";
import type { ConstraintSource } from "@infernode/inference/constraint";

/** Compiles what answers must match, off the event loop. */
export interface ConstraintService {
  /**
   * @throws EngineRequestError `INVALID_CONSTRAINT`, `UNSUPPORTED_CONSTRAINT`, `CONSTRAINT_TOO_LARGE`,
   * `CONSTRAINT_TIMEOUT`, `CONSTRAINT_MEMORY_EXCEEDED`, `QUEUE_FULL`; the signal's reason
   */
  prepare(source: ConstraintSource, signal: AbortSignal): Promise<ConstraintPort>;
}

/** The reasoning before the content of an answer. */
export interface FreeReasoning {
  readonly reasoningStarts: ReadonlySet<number>;
  readonly reasoningEnds: ReadonlySet<number>;
  /** The prompt ends within the reasoning. */
  readonly isReasoningOpen: boolean;
  /** Tokens that reasoning does not consist of, such as those that end an answer. */
  readonly specialTokenIds: ReadonlySet<number>;
}

/** Limits the content of answers only: reasoning may come before it. */
export function limitContent(constraint: ConstraintPort, reasoning: FreeReasoning): ConstraintPort {
  return { start: () => new ContentState(constraint.start(), reasoning) };
}

class ContentState implements ConstraintStatePort {
  readonly #content: ConstraintStatePort;
  readonly #reasoning: FreeReasoning;
  #phase: "before-reasoning" | "reasoning" | "content";

  constructor(content: ConstraintStatePort, reasoning: FreeReasoning) {
    this.#content = content;
    this.#reasoning = reasoning;
    this.#phase = reasoning.isReasoningOpen ? "reasoning" : "before-reasoning";
  }

  get isComplete(): boolean {
    return this.#phase !== "reasoning" && this.#content.isComplete;
  }

  get isFinished(): boolean {
    return this.#phase !== "reasoning" && this.#content.isFinished;
  }

  get forcedTokenId(): number | undefined {
    const isContent = this.#phase === "content" || this.#reasoning.reasoningStarts.size === 0;
    return isContent && this.#phase !== "reasoning" ? this.#content.forcedTokenId : undefined;
  }

  allows(tokenId: number): boolean {
    const { specialTokenIds, reasoningEnds } = this.#reasoning;
    if (this.#phase === "reasoning") return reasoningEnds.has(tokenId) || !specialTokenIds.has(tokenId);
    return this.#startsReasoning(tokenId) || this.#content.allows(tokenId);
  }

  fillMask(words: Uint32Array): void {
    const { specialTokenIds, reasoningStarts, reasoningEnds } = this.#reasoning;
    if (this.#phase === "reasoning") {
      words.fill(0xffffffff);
      for (const id of specialTokenIds) {
        if (!reasoningEnds.has(id)) words[id >>> 5]! &= ~(1 << (id & 31));
      }
      return;
    }
    this.#content.fillMask(words);
    if (this.#phase === "content") return;
    for (const id of reasoningStarts) words[id >>> 5]! |= 1 << (id & 31);
  }

  accept(tokenId: number): void {
    if (this.#phase === "reasoning") {
      if (this.#reasoning.reasoningEnds.has(tokenId)) this.#phase = "content";
      return;
    }
    if (this.#startsReasoning(tokenId)) {
      this.#phase = "reasoning";
      return;
    }
    this.#phase = "content";
    this.#content.accept(tokenId);
  }

  #startsReasoning(tokenId: number): boolean {
    return this.#phase === "before-reasoning" && this.#reasoning.reasoningStarts.has(tokenId);
  }
}
