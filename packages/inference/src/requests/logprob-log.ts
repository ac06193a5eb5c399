import type { SampledToken } from "../sampling/sampler.ts";

const firstCapacity = 64;
/** Marks a token without log-probability. */
const none = 0xff;

/**
 * Log-probabilities of tokens in order, read from the front. A candidate takes 12 bytes; as an object with text it
 * would take several hundred.
 */
export class LogprobLog {
  /** Keeps what was read for `all`. */
  readonly #keepsAll: boolean;
  /** Candidates of each entry: the token itself and its alternatives. */
  #counts = new Uint8Array(firstCapacity);
  /** Of the token of each entry. */
  #ranks = new Int32Array(firstCapacity);
  #entryCount = 0;
  #tokenIds = new Int32Array(firstCapacity);
  #logprobs = new Float64Array(firstCapacity);
  #candidateCount = 0;
  /** Where the unread entries start. */
  #readEntries = 0;
  #readCandidates = 0;

  constructor(options: { readonly keepsAll: boolean }) {
    this.#keepsAll = options.keepsAll;
  }

  get unreadCount(): number {
    return this.#entryCount - this.#readEntries;
  }

  push(entry: SampledToken | undefined): void {
    const count = entry === undefined ? 0 : 1 + entry.top.length;
    this.#reserve(count);
    this.#counts[this.#entryCount] = entry === undefined ? none : count;
    this.#ranks[this.#entryCount] = entry?.rank ?? 0;
    this.#entryCount += 1;
    if (entry === undefined) return;
    this.#pushCandidate(entry.tokenId, entry.logprob);
    for (const { tokenId, logprob } of entry.top) this.#pushCandidate(tokenId, logprob);
  }

  /** Reads up to `maxEntries`; drops them unless all are kept. */
  take(maxEntries: number): (SampledToken | undefined)[] {
    const entries: (SampledToken | undefined)[] = [];
    while (entries.length < maxEntries && this.#readEntries < this.#entryCount) {
      const count = this.#counts[this.#readEntries]!;
      entries.push(this.#entryAt(this.#readEntries, this.#readCandidates));
      this.#readEntries += 1;
      if (count !== none) this.#readCandidates += count;
    }
    if (!this.#keepsAll) this.#dropRead();
    return entries;
  }

  /** All kept entries. */
  all(): (SampledToken | undefined)[] {
    const entries: (SampledToken | undefined)[] = [];
    let candidate = 0;
    for (let entry = 0; entry < this.#entryCount; entry += 1) {
      const count = this.#counts[entry]!;
      entries.push(this.#entryAt(entry, candidate));
      if (count !== none) candidate += count;
    }
    return entries;
  }

  #entryAt(entry: number, start: number): SampledToken | undefined {
    const count = this.#counts[entry]!;
    if (count === none) return undefined;
    const candidate = (at: number): { tokenId: number; logprob: number } => ({
      tokenId: this.#tokenIds[at]!,
      logprob: this.#logprobs[at]!,
    });
    const top = Array.from({ length: count - 1 }, (_, index) => candidate(start + 1 + index));
    return { ...candidate(start), rank: this.#ranks[entry]!, top };
  }

  #pushCandidate(tokenId: number, logprob: number): void {
    this.#tokenIds[this.#candidateCount] = tokenId;
    this.#logprobs[this.#candidateCount] = logprob;
    this.#candidateCount += 1;
  }

  /** Moves the unread entries to the front once they are the smaller part: each is moved once on average. */
  #dropRead(): void {
    if (this.#readEntries * 2 < this.#entryCount) return;
    this.#counts.copyWithin(0, this.#readEntries, this.#entryCount);
    this.#ranks.copyWithin(0, this.#readEntries, this.#entryCount);
    this.#tokenIds.copyWithin(0, this.#readCandidates, this.#candidateCount);
    this.#logprobs.copyWithin(0, this.#readCandidates, this.#candidateCount);
    this.#entryCount -= this.#readEntries;
    this.#candidateCount -= this.#readCandidates;
    this.#readEntries = 0;
    this.#readCandidates = 0;
  }

  #reserve(candidateCount: number): void {
    if (this.#entryCount === this.#counts.length) {
      const counts = new Uint8Array(2 * this.#counts.length);
      counts.set(this.#counts);
      this.#counts = counts;
      const ranks = new Int32Array(counts.length);
      ranks.set(this.#ranks);
      this.#ranks = ranks;
    }
    const neededCount = this.#candidateCount + candidateCount;
    if (neededCount <= this.#tokenIds.length) return;
    const capacity = Math.max(neededCount, 2 * this.#tokenIds.length);
    const tokenIds = new Int32Array(capacity);
    const logprobs = new Float64Array(capacity);
    tokenIds.set(this.#tokenIds);
    logprobs.set(this.#logprobs);
    this.#tokenIds = tokenIds;
    this.#logprobs = logprobs;
  }
}
