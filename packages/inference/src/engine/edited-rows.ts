import {
  maskWords,
  noMask,
  rowBounds,
  type RowEditCapacity,
  type RowEdits,
  rowPenalties,
} from "../executors/row-edits.ts";
import type { ClockPort } from "../ports.ts";
import { fillMask } from "../sampling/mask-logits.ts";
import type { SamplingState } from "../sampling/sampling-state.ts";

/** Masks of a batch are worked out for so long at most: the event loop waits for them. */
const maskTimeMs = 8;

/** Describes what parameters and masks of sequences change of rows that an executor samples. */
export class EditedRows implements RowEdits {
  readonly bounds: Int32Array;
  readonly tokenIds: Int32Array;
  readonly values: Float64Array;
  readonly penalties: Float64Array;
  readonly maskIndices: Int32Array;
  readonly masks: Uint32Array;
  readonly #capacity: RowEditCapacity;
  readonly #clock: ClockPort;
  /** When the first mask of the batch was begun. */
  #masksSinceMs = 0;
  readonly #maskWords: number;
  /** Those with a bit of a token. */
  readonly #usedWords: number;
  #editCount = 0;
  #maskCount = 0;
  #isEmpty = true;

  constructor(options: {
    readonly maxRows: number;
    /** Entries of a row. */
    readonly vocabSize: number;
    readonly tokenCount: number;
    readonly capacity: RowEditCapacity;
    readonly clock: ClockPort;
  }) {
    const { maxRows, capacity } = options;
    this.#capacity = capacity;
    this.#clock = options.clock;
    this.#maskWords = maskWords(options.vocabSize);
    this.#usedWords = maskWords(options.tokenCount);
    this.bounds = new Int32Array(maxRows * rowBounds);
    this.penalties = new Float64Array(maxRows * rowPenalties);
    this.maskIndices = new Int32Array(maxRows).fill(noMask);
    this.tokenIds = new Int32Array(capacity.edits);
    this.values = new Float64Array(capacity.edits);
    this.masks = new Uint32Array(capacity.masks * this.#maskWords);
  }

  get editCount(): number {
    return this.#editCount;
  }

  get maskCount(): number {
    return this.#maskCount;
  }

  /** Whether nothing is changed. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Begins a batch. */
  clear(): void {
    if (this.#isEmpty) return;
    this.bounds.fill(0);
    this.maskIndices.fill(noMask);
    this.#editCount = 0;
    this.#maskCount = 0;
    this.#isEmpty = true;
  }

  /**
   * Adds what a sequence's state changes of its row. Returns `false`, and adds nothing, where there is no room for it, where masks
   * have taken too long (the host's sampler lets the event loop run between rows), or where that sampler throws, which then does
   * so for that request alone.
   */
  add(row: number, state: SamplingState): boolean {
    const { counts, params } = state;
    const { tokenIds, values } = this;
    const start = this.#editCount;
    const penaltiesStart = start + params.logitBias.size;
    const suppressedStart = penaltiesStart + (counts?.distinctCount ?? 0);
    let end = suppressedStart;
    if (end > tokenIds.length) return false;
    state.forEachSuppressed((id) => {
      tokenIds[end] = id;
      end += 1;
    });
    if (end > tokenIds.length || (state.isMasked && !this.#addMask(row, state))) return false;
    let at = start;
    for (const [id, bias] of params.logitBias) {
      tokenIds[at] = id;
      values[at] = bias;
      at += 1;
    }
    counts?.copyTo(tokenIds, values, penaltiesStart);
    const bound = row * rowBounds;
    this.bounds[bound] = start;
    this.bounds[bound + 1] = penaltiesStart;
    this.bounds[bound + 2] = suppressedStart;
    this.bounds[bound + 3] = end;
    const penalty = row * rowPenalties;
    this.penalties[penalty] = params.repetitionPenalty;
    this.penalties[penalty + 1] = params.frequencyPenalty;
    this.penalties[penalty + 2] = params.presencePenalty;
    this.#editCount = end;
    this.#isEmpty &&= end === start && !state.isMasked;
    return true;
  }

  /** Returns `false` where there is no room or no time, or no token may come next. */
  #addMask(row: number, state: SamplingState): boolean {
    const index = this.#maskCount;
    if (index === this.#capacity.masks) return false;
    const nowMs = this.#clock.now();
    if (index === 0) this.#masksSinceMs = nowMs;
    else if (nowMs - this.#masksSinceMs > maskTimeMs) return false;
    const start = index * this.#maskWords;
    const words = this.masks.subarray(start, start + this.#maskWords);
    try {
      fillMask(words, state);
    } catch {
      return false;
    }
    let used = 0;
    while (used < this.#usedWords && words[used] === 0) used += 1;
    if (used === this.#usedWords) return false;
    this.maskIndices[row] = index;
    this.#maskCount += 1;
    return true;
  }
}
