import type { PromptLogprobs, TokenCandidate, TokenLogprob } from "../../../operations/token-delta.ts";
import type { TokenTexts } from "./token-texts.ts";

const firstCapacity = 64;
/** Entries that become objects at one time. */
const defaultPartEntries = 4;
/** Stands for a token that has no log-probability. */
const none = 0xff;

/**
 * Log-probabilities of an answer that is being collected: 12 bytes for each candidate, 5 for each token, and the text of each distinct
 * token once. As JSON they would take seven times as much, as objects more than twenty times.
 */
export class LogprobStore {
  readonly #texts: TokenTexts;
  #counts = new Uint8Array(firstCapacity);
  /** 0 for one that is not known. */
  #ranks = new Int32Array(firstCapacity);
  #entryCount = 0;
  #keys = new Int32Array(firstCapacity);
  #logprobs = new Float64Array(firstCapacity);
  #candidateCount = 0;

  constructor(texts: TokenTexts) {
    this.#texts = texts;
  }

  get length(): number {
    return this.#entryCount;
  }

  add(entries: PromptLogprobs): void {
    for (const entry of entries) {
      if (this.#entryCount === this.#counts.length) {
        this.#counts = grow(this.#counts, 2 * this.#entryCount);
        this.#ranks = grow(this.#ranks, 2 * this.#entryCount);
      }
      this.#ranks[this.#entryCount] = entry?.rank ?? 0;
      this.#counts[this.#entryCount] = entry === undefined ? none : 1 + entry.top.length;
      this.#entryCount += 1;
      if (entry === undefined) continue;
      this.#addCandidate(entry);
      for (const candidate of entry.top) this.#addCandidate(candidate);
    }
  }

  clear(): void {
    this.#entryCount = 0;
    this.#candidateCount = 0;
  }

  /** The entries as objects, a few at a time. */
  *parts(partEntries: number = defaultPartEntries): Generator<PromptLogprobs> {
    let candidate = 0;
    for (let start = 0; start < this.#entryCount; start += partEntries) {
      const part: (TokenLogprob | undefined)[] = [];
      for (let entry = start; entry < Math.min(start + partEntries, this.#entryCount); entry += 1) {
        const count = this.#counts[entry] ?? none;
        part.push(count === none ? undefined : this.#entryAt(entry, candidate));
        if (count !== none) candidate += count;
      }
      yield part;
    }
  }

  #entryAt(entry: number, start: number): TokenLogprob {
    const count = this.#counts[entry] ?? none;
    const rank = this.#ranks[entry];
    const top = Array.from({ length: count - 1 }, (_, index) => this.#candidateAt(start + 1 + index));
    // Copied field by field: spread objects take twice as much memory until they are collected.
    const { tokenId, token, bytes, logprob } = this.#candidateAt(start);
    return { tokenId, token, bytes, logprob, rank: rank === 0 ? undefined : rank, top };
  }

  #candidateAt(at: number): TokenCandidate {
    const { tokenId, token, bytes } = this.#texts.at(this.#keys[at] ?? 0);
    return { tokenId, token, bytes, logprob: this.#logprobs[at] ?? 0 };
  }

  #addCandidate(candidate: TokenCandidate): void {
    if (this.#candidateCount === this.#keys.length) {
      this.#keys = grow(this.#keys, 2 * this.#candidateCount);
      this.#logprobs = grow(this.#logprobs, 2 * this.#candidateCount);
    }
    this.#keys[this.#candidateCount] = this.#texts.add(candidate);
    this.#logprobs[this.#candidateCount] = candidate.logprob;
    this.#candidateCount += 1;
  }
}

function grow<Numbers extends Uint8Array | Int32Array | Float64Array>(
  numbers: Numbers,
  length: number,
): Numbers {
  const larger = new (numbers.constructor as new (length: number) => Numbers)(length);
  larger.set(numbers);
  return larger;
}
