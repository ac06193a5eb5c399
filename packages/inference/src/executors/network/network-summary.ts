import type {
  AttentionOptions,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  LogitOptions,
  NormWeights,
  StoredWeight,
  TensorInfo,
  WeightIndex,
  WeightRef,
} from "@infernode/models";
import { InferenceError } from "../../errors.ts";
import type { ExecutorModel } from "../executor-provider.ts";

/** A weight and its use. */
export interface CountedWeight {
  readonly ref: WeightRef;
  readonly use: "embedding" | "vector" | "matrix";
  /** Of a matrix: what is added to its products. */
  readonly bias?: WeightRef | undefined;
}

/**
 * Builds nothing of an architecture, and collects what it uses: weights, attention layers, and the widest values. The
 * handle of a value is its width.
 */
export class NetworkSummary implements DecoderBuilder<number> {
  readonly weights: CountedWeight[] = [];
  /** Products that every token takes on its way to the logits, each once: adapters can change them. */
  readonly adaptable: Map<string, WeightRef> = new Map();
  readonly attentions: AttentionOptions[] = [];
  hiddenWidth = 0;
  widestGate = 0;
  /** Numbers for each token while experts compute. */
  widestExperts = 0;
  vocabSize = 0;
  #isInExpert = false;

  embed(weight: WeightRef): number {
    this.weights.push({ ref: weight, use: "embedding" });
    this.hiddenWidth = weight.shape[1] ?? 0;
    return this.hiddenWidth;
  }

  embedPositions(weight: WeightRef): number {
    this.weights.push({ ref: weight, use: "embedding" });
    return weight.shape[1] ?? 0;
  }

  norm(x: number, { weight, bias }: NormWeights): number {
    const refs = "name" in weight ? [weight] : weight;
    for (const ref of refs) this.weights.push({ ref, use: "vector" });
    if (bias !== undefined) this.weights.push({ ref: bias, use: "vector" });
    return x;
  }

  linear(_x: number, weight: WeightRef, bias?: WeightRef): number {
    this.weights.push({ ref: weight, use: "matrix", bias });
    if (!this.#isInExpert) this.adaptable.set(weight.name, weight);
    if (bias !== undefined) this.weights.push({ ref: bias, use: "vector" });
    return weight.shape[0] ?? 0;
  }

  slice(_x: number, { groupCount, size }: FeatureSlice): number {
    return groupCount * size;
  }

  attention(_qkv: unknown, options: AttentionOptions): number {
    this.attentions.push(options);
    if (options.sinks !== undefined) this.weights.push({ ref: options.sinks, use: "vector" });
    return options.headCount * options.headDim;
  }

  experts(
    x: number,
    { expertCount, expertsPerToken }: ExpertRouting<number>,
    expert: (x: number, index: number) => number,
  ): number {
    const { widestGate } = this;
    this.widestGate = 0;
    this.#isInExpert = true;
    const widths = Array.from({ length: expertCount }, (_, index) => expert(x, index));
    this.#isInExpert = false;
    const width = Math.max(...widths);
    // A token is as many rows as it has experts: what they take, what one has inside, what they return in both orders.
    const rowWidth = 2 * x + 4 * this.widestGate + 3 * width;
    this.widestExperts = Math.max(this.widestExperts, expertsPerToken * rowWidth);
    this.widestGate = widestGate;
    return width;
  }

  activate(x: number): number {
    this.widestGate = Math.max(this.widestGate, x);
    return x;
  }

  clip(x: number): number {
    // What is clipped is a part of a wider product, which stays beside it.
    this.widestGate = Math.max(this.widestGate, 2 * x);
    return x;
  }

  multiply(a: number): number {
    return a;
  }

  scale(x: number): number {
    return x;
  }

  add(a: number): number {
    return a;
  }

  logits(_x: number, weight: WeightRef, { bias }: LogitOptions): void {
    this.weights.push({ ref: weight, use: "matrix", bias });
    if (bias !== undefined) this.weights.push({ ref: bias, use: "vector" });
    this.vocabSize = weight.shape[0] ?? 0;
  }
}

/** Collects what the network of a model uses. */
export function summarizeNetwork(model: Pick<ExecutorModel, "architecture" | "config">): NetworkSummary {
  const summary = new NetworkSummary();
  model.architecture.build(model.config, summary);
  return summary;
}

/** The tensors that a network uses, each once. */
export function usedTensors(
  model: Pick<ExecutorModel, "architecture" | "config" | "weights">,
): ReadonlySet<TensorInfo> {
  const weights = summarizeNetwork(model).weights.map(({ ref }) => model.weights.weight(ref.name));
  return new Set(weights.flatMap((weight) => (weight === undefined ? [] : tensorsOf(weight))));
}

/** The tensors of the embedding, whose rows are looked up. */
export function embeddingTensors(
  model: Pick<ExecutorModel, "architecture" | "config" | "weights">,
): readonly TensorInfo[] {
  const lookedUp = summarizeNetwork(model).weights.filter(({ use }) => use === "embedding");
  return lookedUp.flatMap(({ ref }) => {
    const weight = model.weights.weight(ref.name);
    return weight === undefined ? [] : tensorsOf(weight);
  });
}

/**
 * The weight that a network refers to.
 * @throws InferenceError `SHAPE_MISMATCH`
 */
export function storedWeight(weights: Pick<WeightIndex, "weight">, name: string): StoredWeight {
  const weight = weights.weight(name);
  if (weight !== undefined) return weight;
  throw new InferenceError("SHAPE_MISMATCH", { field: name, expected: "a tensor", got: "none" });
}

/** The tensors that one weight is stored in. */
export function tensorsOf(weight: StoredWeight): readonly TensorInfo[] {
  if (weight.encoding === "packed" && weight.scales !== undefined) return [weight.data, weight.scales];
  if (weight.encoding !== "block-quantized") return [weight.data];
  const { data, scales, zeroPoints, minima, columnOrder } = weight;
  return [data, scales, zeroPoints, minima, columnOrder].filter((part) => part !== undefined);
}

/** Whether a matrix is stored as `(columns, rows)`. */
export function isTransposed(weight: StoredWeight): boolean {
  return weight.encoding === "dense" && weight.isTransposed === true;
}
