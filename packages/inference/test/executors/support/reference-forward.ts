import type {
  Activation,
  AttentionOptions,
  AttentionRotary,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  Limits,
  LogitOptions,
  ModelConfig,
  NormStyle,
  NormWeights,
  QueryScaling,
  WeightRef,
} from "@infernode/models";

/** `(rows, width)` in double precision. */
export interface Matrix {
  readonly rows: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** What a network computes with. */
export interface ReferenceSource {
  /** Reads a weight as numbers. */
  readonly read: (ref: WeightRef) => Float64Array;
  /**
   * Steps that a layer's keys, once rotated, and values are rounded to, `(kvHeads · headDim)`, up to 127 of them.
   * [not rounded]
   */
  readonly kvSteps?: (layerIndex: number) => KvSteps;
}

/** Steps of one layer, a number for each channel. */
export interface KvSteps {
  readonly keys: readonly number[];
  readonly values: readonly number[];
}

/**
 * Runs an architecture at once, in double precision and with no cache, by the textbook: an oracle that
 * shares no code with the executors. One sequence from its beginning.
 */
export class ReferenceForward implements DecoderBuilder<Matrix> {
  /** `(tokens, vocabSize)`, once the network has been built. */
  result: Matrix | undefined;
  readonly #tokenIds: readonly number[];
  readonly #config: ModelConfig;
  readonly #read: ReferenceSource["read"];
  readonly #kvSteps: ReferenceSource["kvSteps"];

  constructor(tokenIds: readonly number[], config: ModelConfig, { read, kvSteps }: ReferenceSource) {
    this.#tokenIds = tokenIds;
    this.#config = config;
    this.#read = read;
    this.#kvSteps = kvSteps;
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

  embedPositions(weight: WeightRef): Matrix {
    const width = weight.shape[1] ?? 0;
    const rows = this.#tokenIds.length;
    return { rows, width, data: this.#read(weight).slice(0, rows * width) };
  }

  norm(x: Matrix, { weight, bias }: NormWeights, style: NormStyle): Matrix {
    const refs = "name" in weight ? [weight] : weight;
    const weights = refs.flatMap((ref) => [...this.#read(ref)].map((each) => each + style.weightOffset));
    const width = refs[0]?.shape.at(-1) ?? 1;
    const offsets = bias === undefined ? [] : this.#read(bias);
    const output = matrix(x.rows, x.width);
    for (let start = 0; start < x.data.length; start += width) {
      const group = x.data.subarray(start, start + width);
      const mean = style.kind === "layer" ? sum(group) / width : 0;
      const variance = sum(group.map((each) => (each - mean) ** 2)) / width;
      for (let i = 0; i < width; i += 1) {
        const normed = (at(group[i]) - mean) / Math.sqrt(variance + style.epsilon);
        output.data[start + i] = normed * at(weights[(start + i) % weights.length]) + (offsets[i] ?? 0);
      }
    }
    return output;
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

  slice(x: Matrix, { groupCount, start, size }: FeatureSlice): Matrix {
    const output = matrix(x.rows, groupCount * size);
    const groupWidth = x.width / groupCount;
    for (let group = 0; group < x.rows * groupCount; group += 1) {
      const from = group * groupWidth + start;
      output.data.set(x.data.subarray(from, from + size), group * size);
    }
    return output;
  }

  attention({ q, k, v: exact }: { q: Matrix; k: Matrix; v: Matrix }, options: AttentionOptions): Matrix {
    const { headCount, kvHeadCount, headDim, scale, softCap, slidingWindowTokens, sinks, rotary } = options;
    const steps = this.#kvSteps?.(options.layerIndex);
    const sinkScores = sinks === undefined ? undefined : this.#read(sinks);
    const queries = scaledByPosition(this.#rotate(q, headDim, rotary), options.queryScaling);
    const keys = rounded(this.#rotate(k, headDim, rotary), steps?.keys);
    const v = rounded(exact, steps?.values);
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
          scores.push(capped(dot * scale, softCap));
        }
        const sink = sinkScores === undefined ? -Infinity : at(sinkScores[head]);
        const highest = Math.max(sink, ...scores);
        const weights = scores.map((score) => Math.exp(score - highest));
        const total = weights.reduce((sum, weight) => sum + weight, Math.exp(sink - highest));
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

  experts(
    x: Matrix,
    { logits, expertCount, expertsPerToken, areWeightsNormalized }: ExpertRouting<Matrix>,
    expert: (x: Matrix, index: number) => Matrix,
  ): Matrix {
    const tokens = Array.from({ length: x.rows }, (_, row) => {
      const token = { rows: 1, width: x.width, data: x.data.slice(row * x.width, (row + 1) * x.width) };
      const exponents = Array.from({ length: expertCount }, (__, index) =>
        Math.exp(at(logits.data[row * expertCount + index])),
      );
      const chosen = [...exponents.keys()]
        .toSorted((one, other) => at(exponents[other]) - at(exponents[one]))
        .slice(0, expertsPerToken);
      const among = areWeightsNormalized ? chosen.map((index) => at(exponents[index])) : exponents;
      const total = among.reduce((all, each) => all + each, 0);
      return { token, weights: new Map(chosen.map((index) => [index, at(exponents[index]) / total])) };
    });
    const outputs = Array.from({ length: expertCount }, (_, index) =>
      tokens.map(({ token, weights }) => ({
        weight: weights.get(index) ?? 0,
        data: expert(token, index).data,
      })),
    );
    const output = matrix(x.rows, outputs[0]?.[0]?.data.length ?? 0);
    for (const ofExpert of outputs) {
      for (const [row, { weight, data }] of ofExpert.entries()) {
        for (const [i, each] of data.entries()) output.data[row * output.width + i]! += weight * each;
      }
    }
    return output;
  }

  activate(x: Matrix, activation: Activation | "sigmoid"): Matrix {
    return { ...x, data: x.data.map(activations[activation]) };
  }

  clip(x: Matrix, { min = -Infinity, max = Infinity }: Limits): Matrix {
    return { ...x, data: x.data.map((each) => Math.min(max, Math.max(min, each))) };
  }

  multiply(a: Matrix, b: Matrix): Matrix {
    const perToken = b.width === 1 ? a.width : 1;
    return { ...a, data: a.data.map((x, i) => x * at(b.data[Math.floor(i / perToken)])) };
  }

  scale(x: Matrix, factor: number): Matrix {
    return { ...x, data: x.data.map((each) => factor * each) };
  }

  add(a: Matrix, b: Matrix): Matrix {
    return { ...a, data: a.data.map((x, i) => x + at(b.data[i])) };
  }

  logits(x: Matrix, weight: WeightRef, { bias, softCap }: LogitOptions): void {
    const logits = this.linear(x, weight, bias);
    this.result = { ...logits, data: logits.data.map((each) => capped(each, softCap)) };
  }

  #rotate(x: Matrix, headDim: number, rotary: AttentionRotary | undefined): Matrix {
    if (rotary === undefined) return x;
    const { theta } = this.#config.rotaries[rotary.index]!;
    const half = rotary.dim / 2;
    const output = { ...x, data: x.data.slice() };
    for (let row = 0; row < x.rows; row += 1) {
      for (let start = row * x.width; start < (row + 1) * x.width; start += headDim) {
        for (let i = 0; i < half; i += 1) {
          const angle = row * theta ** (-i / half);
          const [one, other] = rotary.isInterleaved
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

const activations: Readonly<Record<Activation | "sigmoid", (x: number) => number>> = {
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => (x / 2) * (1 + errorFunction(x / Math.SQRT2)),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu_tanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044_715 * x ** 3))),
};

/** By a series of numbers of one sign, none of which is much larger than the sum. */
function errorFunction(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; n < 200; n += 1) {
    term *= (2 * x ** 2) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-(x ** 2)) * total;
}

/** Each row is of the position of its number. */
function scaledByPosition(x: Matrix, scaling: QueryScaling | undefined): Matrix {
  if (scaling === undefined) return x;
  const { beta, originalContextTokens } = scaling;
  const factorOf = (row: number): number => 1 + beta * Math.log(1 + Math.floor(row / originalContextTokens));
  return { ...x, data: x.data.map((each, i) => each * factorOf(Math.floor(i / x.width))) };
}

/** Each channel as a whole number of its steps. */
function rounded(x: Matrix, steps: readonly number[] | undefined): Matrix {
  if (steps === undefined) return x;
  const round = (each: number, step: number): number =>
    step * Math.min(127, Math.max(-127, Math.round(each / step)));
  return { ...x, data: x.data.map((each, i) => round(each, at(steps[i % x.width]))) };
}

function capped(x: number, cap: number | undefined): number {
  return cap === undefined ? x : cap * Math.tanh(x / cap);
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function at(value: number | undefined): number {
  if (value === undefined) throw new Error("read outside a matrix");
  return value;
}

function matrix(rows: number, width: number): Matrix {
  return { rows, width, data: new Float64Array(rows * width) };
}
