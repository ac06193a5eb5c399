import type {
  Activation,
  AttentionOptions,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  Limits,
  LogitOptions,
  NormStyle,
  NormWeights,
  WeightIndex,
  WeightRef,
} from "@infernode/models";
import { InferenceError } from "../../../errors.ts";
import { elementwise } from "../kernels/manifests/elementwise.ts";
import { experts as expertKernels } from "../kernels/manifests/experts.ts";
import { norm as normKernels } from "../kernels/manifests/norm.ts";
import { rotateAppend } from "../kernels/manifests/rotate-append.ts";
import { rows as rowKernels } from "../kernels/manifests/rows.ts";
import { type AdaptedProduct, adapterVariants } from "./adapter-launches.ts";
import { chooseAttention, type PageFormat } from "./choose-attention.ts";
import { chooseProduct, countsOf } from "./choose-product.ts";
import { embedLaunch } from "./embed-launch.ts";
import { joinExpertOperations, type NetworkOperation } from "./network-operation.ts";
import { launchOf, type LaunchGeometry, rowGrid, rowThreads } from "./launch.ts";
import {
  type AddressOperand,
  type DeviceValue,
  type KernelLaunch,
  type Program,
  type RowKind,
  rowCount,
} from "./program.ts";
import { WeightUses } from "./weight-uses.ts";

const perToken: RowKind = { of: "tokens", factor: 1 };
const largestFloat32 = 3.4e38;
const largestHead = 512;
const largestRotation = 1024;

/** What a program depends on beside the network. */
export interface ProgramOptions {
  readonly weights: Pick<WeightIndex, "weight">;
  readonly pages: PageFormat;
  /** The largest rank of an adapter, or 0 where there are none. */
  readonly adapterRank: number;
}

/** Writes the launches that compute a network. A value is a place in device memory, `(rows, width)` in float32. */
export class CudaDecoderBuilder implements DecoderBuilder<DeviceValue> {
  readonly #uses: WeightUses;
  readonly #pages: PageFormat;
  /** Of the network, or of an expert. */
  #operations: NetworkOperation[] = [];
  #rows = perToken;
  /** Which expert each row is sent to, among experts. */
  #matrixOf: DeviceValue | undefined;
  #valueCount = 0;
  #logits: DeviceValue | undefined;
  readonly #adapterRank: number;

  constructor({ weights, pages, adapterRank }: ProgramOptions) {
    this.#uses = new WeightUses(weights);
    this.#pages = pages;
    this.#adapterRank = adapterRank;
  }

  /** The whole network, once it was built. */
  program(): Program {
    if (this.#logits === undefined) {
      throw new InferenceError("UNSUPPORTED_MODEL", { expected: "a network that ends with logits", got: "none" });
    }
    const steps = this.#operations.map(({ reads, writes, variants }) => ({ reads, writes, variants: variants() }));
    return { steps, logits: this.#logits, valueCount: this.#valueCount };
  }

  embed(weight: WeightRef): DeviceValue {
    return this.#embed(weight, { kind: "input", name: "tokenIds" });
  }

  embedPositions(weight: WeightRef): DeviceValue {
    return this.#embed(weight, { kind: "input", name: "positions" });
  }

  norm(x: DeviceValue, { weight, bias }: NormWeights, style: NormStyle): DeviceValue {
    const refs = "name" in weight ? [weight] : weight;
    const size = refs[0]?.shape.at(-1) ?? 0;
    const isOfGroups = !("name" in weight) || weight.shape.length === 2;
    const out = this.#value(x.width, x.rows);
    const geometry = { grid: rowGrid(x.rows, x.width / size), block: rowThreads(size) };
    this.#launch(
      [x],
      [out],
      launchOf(normKernels, style.kind === "rms" ? "rms_norm" : "layer_norm", geometry, [
        address(out),
        address(x),
        { kind: "vector", vector: this.#uses.vector(refs, style.weightOffset) },
        bias && { kind: "vector", vector: this.#uses.vector([bias], 0) },
        countsOf(x),
        x.rows.factor,
        size,
        isOfGroups ? size : 0,
        style.epsilon,
      ]),
    );
    return out;
  }

  linear(x: DeviceValue, weight: WeightRef, bias?: WeightRef): DeviceValue {
    const out = this.#product(x, weight, bias);
    if (this.#adapterRank > 0 && this.#matrixOf === undefined) this.#adapt({ x, out, weightName: weight.name });
    return out;
  }

  slice(x: DeviceValue, { groupCount, start, size }: FeatureSlice): DeviceValue {
    const out = this.#value(groupCount * size, x.rows);
    const groupWidth = x.width / groupCount;
    this.#launch(
      [x],
      [out],
      launchOf(rowKernels, "slice_rows", perRow(out), [
        address(out),
        address(x),
        countsOf(x),
        x.rows.factor,
        groupCount,
        groupWidth,
        start,
        size,
      ]),
    );
    return out;
  }

  attention(
    { q, k, v }: { readonly q: DeviceValue; readonly k: DeviceValue; readonly v: DeviceValue },
    options: AttentionOptions,
  ): DeviceValue {
    const { layerIndex, headCount, kvHeadCount, headDim, rotary, queryScaling, sinks } = options;
    if (headDim > largestHead) {
      const mismatch = { field: "headDim", expected: `at most ${largestHead}`, got: headDim };
      throw new InferenceError("UNSUPPORTED_MODEL", mismatch);
    }
    const { dtype, tableStride, pageTokens } = this.#pages;
    const rotated = this.#value(q.width, q.rows);
    const geometry = {
      grid: rowGrid(q.rows, headCount + 2 * kvHeadCount),
      block: rowThreads(headDim),
    };
    this.#launch(
      [q, k, v],
      [rotated],
      launchOf(rotateAppend, `rotate_append_${dtype}`, geometry, [
        address(rotated),
        { kind: "cache", layerIndex, part: "keys" },
        { kind: "cache", layerIndex, part: "values" },
        address(q),
        address(k),
        address(v),
        rotary && { kind: "rope", index: rotary.index, part: "cos" },
        rotary && { kind: "rope", index: rotary.index, part: "sin" },
        { kind: "input", name: rotary?.isByLength === true ? "ropeRows" : "positions" },
        { kind: "input", name: "positions" },
        { kind: "input", name: "sequences" },
        { kind: "input", name: "blockTables" },
        { kind: "input", name: "tokenCount" },
        tableStride,
        pageTokens,
        headCount,
        kvHeadCount,
        headDim,
        rotary?.dim ?? 0,
        rotary?.isInterleaved === true ? 1 : 0,
        queryScaling?.beta ?? 0,
        queryScaling?.originalContextTokens ?? 0,
      ]),
    );
    const out = this.#value(headCount * headDim, q.rows);
    const sinkScores = sinks && this.#vectorOperand(sinks);
    const variants = chooseAttention({ out, q: rotated, options, sinks: sinkScores, pages: this.#pages });
    this.#operations.push({
      reads: [rotated],
      writes: [out],
      name: `attention ${layerIndex}`,
      matrices: [],
      variants: () => variants,
    });
    return out;
  }

  experts(
    x: DeviceValue,
    { logits, expertCount, expertsPerToken, areWeightsNormalized }: ExpertRouting<DeviceValue>,
    expert: (x: DeviceValue, index: number) => DeviceValue,
  ): DeviceValue {
    const pairs: RowKind = { of: "tokens", factor: expertsPerToken };
    const chosen = this.#value(1, pairs);
    const weights = this.#value(1, pairs);
    this.#launch(
      [logits],
      [chosen, weights],
      launchOf(
        expertKernels,
        "route_tokens",
        { grid: rowGrid(perToken), block: 32, dynamicSharedBytes: 4 * expertCount },
        [
          address(chosen),
          address(weights),
          address(logits),
          countsOf(logits),
          expertCount,
          expertsPerToken,
          areWeightsNormalized ? 1 : 0,
        ],
      ),
    );
    const sent = this.#value(x.width, pairs);
    this.#launch(
      [x],
      [sent],
      launchOf(rowKernels, "repeat_rows", perRow(sent), [
        address(sent),
        address(x),
        countsOf(x),
        expertsPerToken,
        x.width,
      ]),
    );
    const result = this.#buildExperts(expertCount, { pairs, chosen }, (index) => expert(sent, index));
    const out = this.#value(result.width, perToken);
    this.#launch(
      [result, weights],
      [out],
      launchOf(expertKernels, "join_experts", perRow(out), [
        address(out),
        address(result),
        address(weights),
        countsOf(out),
        expertsPerToken,
        out.width,
      ]),
    );
    return out;
  }

  activate(x: DeviceValue, activation: Activation | "sigmoid"): DeviceValue {
    return this.#each(x, (out) =>
      launchOf(elementwise, activation, perNumber(out), [address(out), address(x), ...sizeOf(out)]),
    );
  }

  clip(x: DeviceValue, { min = -largestFloat32, max = largestFloat32 }: Limits): DeviceValue {
    return this.#each(x, (out) =>
      launchOf(elementwise, "clip", perNumber(out), [address(out), address(x), ...sizeOf(out), min, max]),
    );
  }

  multiply(a: DeviceValue, b: DeviceValue): DeviceValue {
    const entry = b.width === a.width ? "multiply" : "multiply_rows";
    return this.#each(
      a,
      (out) =>
        launchOf(elementwise, entry, perNumber(out), [address(out), address(a), address(b), ...sizeOf(out)]),
      b,
    );
  }

  scale(x: DeviceValue, factor: number): DeviceValue {
    return this.#each(x, (out) =>
      launchOf(elementwise, "scale", perNumber(out), [address(out), address(x), ...sizeOf(out), factor]),
    );
  }

  add(a: DeviceValue, b: DeviceValue): DeviceValue {
    return this.#each(
      a,
      (out) =>
        launchOf(elementwise, "add", perNumber(out), [address(out), address(a), address(b), ...sizeOf(out)]),
      b,
    );
  }

  logits(x: DeviceValue, weight: WeightRef, { bias, softCap }: LogitOptions): void {
    const rows: RowKind = { of: "logits", factor: 1 };
    const gathered = this.#value(x.width, rows);
    this.#launch(
      [x],
      [gathered],
      launchOf(rowKernels, "gather_rows", perRow(gathered), [
        address(gathered),
        address(x),
        { kind: "input", name: "logitTokens" },
        countsOf(gathered),
        1,
        x.width,
      ]),
    );
    const product = this.#product(gathered, weight, bias);
    this.#logits =
      softCap === undefined
        ? product
        : this.#each(product, (out) =>
            launchOf(elementwise, "cap", perNumber(out), [address(out), address(product), ...sizeOf(out), softCap]),
          );
  }

  /** `x · weightᵀ + bias` */
  #product(x: DeviceValue, weight: WeightRef, bias: WeightRef | undefined): DeviceValue {
    const matrix = this.#uses.matrix(weight, bias);
    const { encoding } = matrix;
    const input = encoding.kind === "rotated" ? this.#rotate(x, encoding.rotation, weight) : x;
    const out = this.#value(weight.shape[0] ?? 0, x.rows);
    const matrixOf = this.#matrixOf;
    this.#operations.push({
      reads: matrixOf === undefined ? [input] : [input, matrixOf],
      writes: [out],
      name: `product ${JSON.stringify(encoding)} ${input.id} ${out.id} ${input.width} ${out.width}`,
      matrices: [matrix],
      variants: (matrices = [matrix]) => chooseProduct({ out, x: input, matrices, matrixOf }),
    });
    return out;
  }

  /** Adds what the adapters of tokens add to a product. */
  #adapt(product: AdaptedProduct): void {
    const low = this.#value(this.#adapterRank);
    const { x, out } = product;
    this.#operations.push({
      reads: [x, out],
      writes: [low],
      name: `adapters of ${product.weightName}`,
      matrices: [],
      variants: () => adapterVariants(product, low),
    });
  }

  #embed(weight: WeightRef, indices: AddressOperand): DeviceValue {
    const out = this.#value(weight.shape[1] ?? 0, perToken);
    this.#launch([], [out], embedLaunch(out, this.#uses.matrix(weight, undefined), { indices, name: weight.name }));
    return out;
  }

  /** Multiplies blocks of features with the matrix that the columns of a weight were rotated by. */
  #rotate(x: DeviceValue, size: number, { name }: WeightRef): DeviceValue {
    if (size === 1) return x;
    if (size > largestRotation || x.width % size !== 0) {
      const expected = `blocks of up to ${largestRotation} columns that divide ${x.width}`;
      throw new InferenceError("UNSUPPORTED_MODEL", { field: name, expected, got: `blocks of ${size}` });
    }
    const out = this.#value(x.width, x.rows);
    const geometry = { grid: rowGrid(x.rows, x.width / size), block: size / 2 };
    this.#launch(
      [x],
      [out],
      launchOf(rowKernels, "rotate_blocks", geometry, [address(out), address(x), ...sizeOf(x), size]),
    );
    return out;
  }

  /** Builds all experts, which differ in their matrices only, as one network of all pairs of a token and an expert. */
  #buildExperts(
    expertCount: number,
    { pairs, chosen }: { readonly pairs: RowKind; readonly chosen: DeviceValue },
    build: (index: number) => DeviceValue,
  ): DeviceValue {
    const outer = this.#operations;
    const firstValue = this.#valueCount;
    this.#rows = pairs;
    this.#matrixOf = chosen;
    let result: DeviceValue | undefined;
    const networks = Array.from({ length: expertCount }, (_, index) => {
      this.#operations = [];
      this.#valueCount = firstValue;
      result = build(index);
      return this.#operations;
    });
    this.#operations = outer;
    this.#rows = perToken;
    this.#matrixOf = undefined;
    this.#operations.push(...joinExpertOperations(networks));
    if (result !== undefined) return result;
    throw new InferenceError("UNSUPPORTED_MODEL", { field: "expertCount", expected: "experts", got: expertCount });
  }

  #vectorOperand(ref: WeightRef): AddressOperand {
    return { kind: "vector", vector: this.#uses.vector([ref], 0) };
  }

  /** One number of each of others. */
  #each(x: DeviceValue, launch: (out: DeviceValue) => KernelLaunch, ...more: readonly DeviceValue[]): DeviceValue {
    const out = this.#value(x.width, x.rows);
    this.#launch([x, ...more], [out], launch(out));
    return out;
  }

  #launch(reads: readonly DeviceValue[], writes: readonly DeviceValue[], launch: KernelLaunch): void {
    this.#operations.push({
      reads,
      writes,
      name: `${launch.entry} ${JSON.stringify(launch.operands)}`,
      matrices: [],
      variants: () => [{ fits: () => true, launches: [launch] }],
    });
  }

  #value(width: number, rows: RowKind = this.#rows): DeviceValue {
    this.#valueCount += 1;
    return { id: this.#valueCount - 1, width, rows };
  }
}

function address(value: DeviceValue): AddressOperand {
  return { kind: "value", value };
}

/** Where the number of rows is, their factor, and their width. */
function sizeOf(value: DeviceValue): readonly [AddressOperand, number, number] {
  return [countsOf(value), value.rows.factor, value.width];
}

function perRow({ rows, width }: DeviceValue): LaunchGeometry {
  return { grid: rowGrid(rows), block: rowThreads(width) };
}

function perNumber({ rows, width }: DeviceValue): LaunchGeometry {
  const threads = 256;
  return { grid: (shape) => [Math.ceil((rowCount(rows, shape) * width) / threads), 1, 1], block: threads };
}
