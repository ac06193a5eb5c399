const mask64 = (1n << 64n) - 1n;
const golden = 0x9e3779b97f4a7c15n;

/**
 * A stream of random numbers that depends only on its seed and its index.
 *
 * xoshiro128**, period 2¹²⁸ − 1, its state filled by SplitMix64.
 * @see https://prng.di.unimi.it
 */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed` is any integer up to 64 bits; streams of one seed differ by `index`. */
  constructor(seed: number | bigint, index: number = 0) {
    const key = mix64(mix64(BigInt(seed) + golden) ^ mix64(BigInt(index) + 2n * golden));
    const low = mix64(key + golden);
    const high = mix64(key + 2n * golden);
    this.#a = Number(low & 0xffffffffn) | 0;
    this.#b = Number(low >> 32n) | 0;
    this.#c = Number(high & 0xffffffffn) | 0;
    this.#d = Number(high >> 32n) | 1; // an all-zero state would stay zero
  }

  /** The next 32 bits, as an integer in [0, 2³²). */
  nextUint32(): number {
    const five = Math.imul(this.#b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1) with 53 bits. */
  nextUniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** Writes the next uniform numbers, and stays where it is. */
  peekUniforms(into: Float64Array): void {
    const [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    for (let at = 0; at < into.length; at += 1) into[at] = this.nextUniform();
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }
}

/** SplitMix64's finalizer: every bit of the result depends on every bit of the input. */
function mix64(value: bigint): bigint {
  let z = value & mask64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask64;
  return z ^ (z >> 31n);
}
