import type { AttentionOptions, DecoderBuilder, ModelConfig, WeightRef } from "@infernode/models";

/** `(rows, width)` in double precision. */
export interface Matrix {
  readonly rows: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** Reads a weight as numbers. */
export type ReadWeight = (ref: WeightRef) => Float64Array;

/**
 * Runs an architecture at once, in double precision and with no cache, by the textbook: an oracle that
 * shares no code with the executors. One sequence from its beginning.
 */
export class ReferenceForward implements DecoderBuilder<Matrix> {
  /** `(tokens, vocabSize)`, once the network has been built. */
  result: Matrix | undefined;
  readonly #tokenIds: readonly number[];
  readonly #config: ModelConfig;
  readonly #read: ReadWeight;

  constructor(tokenIds: readonly number[], config: ModelConfig, read: ReadWeight) {
    this.#tokenIds = tokenIds;
    this.#config = config;
    this.#read = read;
  }

  embed(weight: WeightRef): Matrix {
    const table = this.#read(weight);
    const width = weight.shape[1] ?? 0;
    const output = matrix(this.#tokenIds.length, width);
    for (const [row, tokenId] of this.#tokenIds.entries()) {
      output.data.set(table.subarray(tokenId * width, (tokenId + 1) * width), row * width);
    }
    return output;
  }

  rmsNorm(x: Matrix, weight: WeightRef, epsilon: number): Matrix {
    return this.#norm(x, this.#read(weight), epsilon);
  }

  headRmsNorm(x: Matrix, weight: WeightRef, epsilon: number): Matrix {
    const scale = this.#read(weight);
    const heads = { rows: (x.rows * x.width) / scale.length, width: scale.length, data: x.data };
    return { ...x, data: this.#norm(heads, scale, epsilon).data };
  }

  linear(x: Matrix, weight: WeightRef, bias?: WeightRef): Matrix {
    const [outWidth = 0, inWidth = 0] = weight.shape;
    const weights = this.#read(weight);
    const offsets = bias === undefined ? undefined : this.#read(bias);
    const output = matrix(x.rows, outWidth);
    for (let row = 0; row < x.rows; row += 1) {
      for (let out = 0; out < outWidth; out += 1) {
        let sum = offsets?.[out] ?? 0;
        for (let i = 0; i < inWidth; i += 1) {
          sum += at(x.data[row * inWidth + i]) * at(weights[out * inWidth + i]);
        }
        output.data[row * outWidth + out] = sum;
      }
    }
    return output;
  }

  attention({ q, k, v }: { q: Matrix; k: Matrix; v: Matrix }, options: AttentionOptions): Matrix {
    const { headCount, kvHeadCount, headDim, scale, slidingWindowTokens } = options;
    const queries = this.#rotate(q, headDim);
    const keys = this.#rotate(k, headDim);
    const output = matrix(q.rows, headCount * headDim);
    for (let row = 0; row < q.rows; row += 1) {
      const first = slidingWindowTokens === undefined ? 0 : Math.max(0, row - slidingWindowTokens + 1);
      for (let head = 0; head < headCount; head += 1) {
        const kvHead = Math.floor((head * kvHeadCount) / headCount);
        const scores: number[] = [];
        for (let past = first; past <= row; past += 1) {
          let dot = 0;
          for (let i = 0; i < headDim; i += 1) {
            dot +=
              at(queries.data[row * q.width + head * headDim + i]) *
              at(keys.data[past * k.width + kvHead * headDim + i]);
          }
          scores.push(dot * scale);
        }
        const highest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - highest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < headDim; i += 1) {
          let sum = 0;
          for (const [index, weight] of weights.entries()) {
            sum += weight * at(v.data[(first + index) * v.width + kvHead * headDim + i]);
          }
          output.data[row * output.width + head * headDim + i] = sum / total;
        }
      }
    }
    return output;
  }

  gatedSilu(gate: Matrix, up: Matrix): Matrix {
    return { ...gate, data: gate.data.map((x, i) => (x / (1 + Math.exp(-x))) * at(up.data[i])) };
  }

  add(a: Matrix, b: Matrix): Matrix {
    return { ...a, data: a.data.map((x, i) => x + at(b.data[i])) };
  }

  logits(x: Matrix, weight: WeightRef): void {
    this.result = this.linear(x, weight);
  }

  #norm(x: Matrix, scale: Float64Array, epsilon: number): Matrix {
    const output = matrix(x.rows, x.width);
    for (let row = 0; row < x.rows; row += 1) {
      let squares = 0;
      for (let i = 0; i < x.width; i += 1) squares += at(x.data[row * x.width + i]) ** 2;
      const factor = 1 / Math.sqrt(squares / x.width + epsilon);
      for (let i = 0; i < x.width; i += 1) {
        output.data[row * x.width + i] = at(x.data[row * x.width + i]) * factor * at(scale[i]);
      }
    }
    return output;
  }

  #rotate(x: Matrix, headDim: number): Matrix {
    const half = headDim / 2;
    const output = matrix(x.rows, x.width);
    for (let row = 0; row < x.rows; row += 1) {
      for (let start = row * x.width; start < (row + 1) * x.width; start += headDim) {
        for (let i = 0; i < half; i += 1) {
          const angle = row * this.#config.ropeTheta ** ((-2 * i) / headDim);
          const [one, other] = this.#config.hasInterleavedRope
            ? [start + 2 * i, start + 2 * i + 1]
            : [start + i, start + half + i];
          const [a, b] = [at(x.data[one]), at(x.data[other])];
          output.data[one] = a * Math.cos(angle) - b * Math.sin(angle);
          output.data[other] = b * Math.cos(angle) + a * Math.sin(angle);
        }
      }
    }
    return output;
  }
}

function at(value: number | undefined): number {
  if (value === undefined) throw new Error("read outside a matrix");
  return value;
}

function matrix(rows: number, width: number): Matrix {
  return { rows, width, data: new Float64Array(rows * width) };
}
