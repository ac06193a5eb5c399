/** Tokens that may be sampled: the first `count` entries of arrays that are reused. */
export class Candidates {
  /** `(vocabSize)` */
  readonly ids: Int32Array;
  /** `(vocabSize)` logits, or probabilities that are not normalised. */
  readonly weights: Float64Array;
  count = 0;

  constructor(ids: Int32Array, weights: Float64Array) {
    this.ids = ids;
    this.weights = weights;
  }

  add(id: number, weight: number): void {
    this.ids[this.count] = id;
    this.weights[this.count] = weight;
    this.count += 1;
  }

  total(): number {
    return this.sum(0, this.count);
  }

  /** Total weight of a half-open range. */
  sum(start: number, end: number): number {
    const { weights } = this;
    let sum = 0;
    for (let i = start; i < end; i += 1) sum += weights[i]!;
    return sum;
  }

  /** The order of all selections: the larger weight first, of equal weights the lower id. */
  isBefore(a: number, b: number): boolean {
    const weight = this.weights[a]!;
    const other = this.weights[b]!;
    return weight > other || (weight === other && this.ids[a]! < this.ids[b]!);
  }

  swap(a: number, b: number): void {
    const id = this.ids[a]!;
    const weight = this.weights[a]!;
    this.ids[a] = this.ids[b]!;
    this.weights[a] = this.weights[b]!;
    this.ids[b] = id;
    this.weights[b] = weight;
  }

  /** Sorts by `isBefore`; for small counts. */
  sort(): void {
    for (let i = 1; i < this.count; i += 1) {
      for (let at = i; at > 0 && this.isBefore(at, at - 1); at -= 1) this.swap(at, at - 1);
    }
  }
}
