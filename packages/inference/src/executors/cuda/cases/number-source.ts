const word = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
function bitsOf(x: number): number {
  word.setFloat32(0, x);
  return word.getUint32(0);
}

/** The bits of a binary16, of multiples of 2⁻⁷ up to 1, which are normal numbers of 8 bits. */
function float16Bits(x: number): number {
  const bits = bitsOf(x);
  const sign = (bits >>> 16) & 0x8000;
  return x === 0 ? sign : sign | ((((bits >>> 23) & 255) - 112) << 10) | ((bits >>> 13) & 1023);
}

/**
 * Numbers for checks, the same each time and everywhere: multiples of 2⁻⁷ from −1 on and below 1, which all types of stored
 * numbers have.
 */
export class NumberSource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer below `limit`, at most 2¹⁶. */
  integer(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(((this.#state >>> 16) * limit) / 2 ** 16);
  }

  /** Multiples of `scale`, a power of two. [1] */
  float32(count: number, scale = 1): Float32Array {
    return Float32Array.from({ length: count }, () => this.#next() * scale);
  }

  /** From a quarter on and below 1: what may be divided by. */
  positive(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => (32 + this.integer(96)) / 128);
  }

  bfloat16(count: number): Uint16Array {
    return Uint16Array.from({ length: count }, () => bitsOf(this.#next()) >>> 16);
  }

  float16(count: number): Uint16Array {
    return Uint16Array.from({ length: count }, () => float16Bits(this.#next()));
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.integer(256));
  }

  int8(count: number): Int8Array {
    return Int8Array.from({ length: count }, () => this.integer(255) - 127);
  }

  #next(): number {
    return (this.integer(256) - 128) / 128;
  }
}
