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
import { type AdaptedProduct, adapterVariants } from "./adapter-launches.ts";
import type { PageFormat } from "./attention/attention-request.ts";
import { chooseAttention } from "./attention/choose-attention.ts";
import { chooseProduct, narrowTypeOf } from "./products/choose-product.ts";
import {
  activationLaunch,
  addLaunch,
  capLaunch,
  clipLaunch,
  multiplyLaunch,
  scaleLaunch,
} from "./elementwise-launches.ts";
import { embedLaunch } from "./embed-launch.ts";
import { groupVariants, joinExpertsLaunch, routeLaunch } from "./expert-launches.ts";
import { placesOfRow } from "./products/expert-tiles.ts";
import { feedStep } from "./feed-launch.ts";
import type { Fusion, OperationDetail } from "./network-operation.ts";
import { normLaunch } from "./norm-launch.ts";
import { OperationList } from "./operation-list.ts";
import type { AddressOperand, DeviceValue, KernelLaunch, Program, RowKind } from "./program.ts";
import { rotateLaunch } from "./rotate-launch.ts";
import { rankedInts, sampleVariants } from "./sample-variants.ts";
import { gatherLaunch, repeatLaunch, rotateBlocksLaunch, sliceLaunch } from "./row-launches.ts";
import { WeightUses } from "./weight-uses.ts";

const largestHead = 512;
const largestRotation = 1024;

/** What a program depends on beside the network. */
export interface ProgramOptions {
  readonly weights: Pick<WeightIndex, "weight">;
  readonly pages: PageFormat;
  /** The largest rank of an adapter, or 0 where there are none. */
  readonly adapterRank: number;
  readonly fusions: readonly Fusion[];
  /** Whether products round their inputs to 16 bits for tensor cores, where they can. */
  readonly usesTensorCores: boolean;
  /** Whether a library computes products of many rows, where it can. */
  readonly usesProductLibrary: boolean;
}

/** Writes the launches that compute a network. A value is a place in device memory, `(rows, width)` in float32. */
export class CudaDecoderBuilder implements DecoderBuilder<DeviceValue> {
  readonly #uses: WeightUses;
  readonly #pages: PageFormat;
  readonly #adapterRank: number;
  readonly #fusions: readonly Fusion[];
  readonly #usesTensorCores: boolean;
  readonly #usesProductLibrary: boolean;
  readonly #list = new OperationList();
  #results: Pick<Program, "logits" | "sampled"> | undefined;

  constructor(options: ProgramOptions) {
    const { weights, pages, adapterRank, fusions, usesTensorCores, usesProductLibrary } = options;
    this.#uses = new WeightUses(weights);
    this.#pages = pages;
    this.#adapterRank = adapterRank;
    this.#fusions = fusions;
    this.#usesTensorCores = usesTensorCores;
    this.#usesProductLibrary = usesProductLibrary;
  }

  /** The whole network, once it was built. */
  program(): Program {
    if (this.#results === undefined) {
      const mismatch = { expected: "a network that ends with logits", got: "none" };
      throw new InferenceError("UNSUPPORTED_MODEL", mismatch);
    }
    const steps = [feedStep(this.#results.sampled.tokens), ...this.#list.steps(this.#fusions)];
    const { valueCount, hasNarrowInputs } = this.#list;
    return { steps, ...this.#results, valueCount, hasNarrowProducts: hasNarrowInputs };
  }

  embed(weight: WeightRef): DeviceValue {
    return this.#embed(weight, { kind: "input", name: "tokenIds" });
  }

  embedPositions(weight: WeightRef): DeviceValue {
    return this.#embed(weight, { kind: "input", name: "positions" });
  }

  norm(x: DeviceValue, { weight, bias }: NormWeights, style: NormStyle): DeviceValue {
    const refs = "name" in weight ? [weight] : weight;
    const weights = {
      weight: this.#uses.vector(refs, style.weightOffset),
      bias: bias && this.#uses.vector([bias], 0),
      size: refs[0]?.shape.at(-1) ?? 0,
      isOfGroups: !("name" in weight) || weight.shape.length === 2,
    };
    const out = this.#list.value(x.width, x.rows);
    return this.#detailed(normLaunch([out, x], weights, style), { kind: "norm", out, x, weights, style });
  }

  linear(x: DeviceValue, weight: WeightRef, bias?: WeightRef): DeviceValue {
    const out = this.#product(x, weight, bias);
    const isExpert = this.#list.tiles !== undefined;
    if (this.#adapterRank > 0 && !isExpert) this.#adapt({ x, out, weightName: weight.name });
    return out;
  }

  slice(x: DeviceValue, part: FeatureSlice): DeviceValue {
    const out = this.#list.value(part.groupCount * part.size);
    this.#list.launch(sliceLaunch(out, x, part), { reads: [x], writes: [out] });
    return out;
  }

  attention(
    qkv: { readonly q: DeviceValue; readonly k: DeviceValue; readonly v: DeviceValue },
    options: AttentionOptions,
  ): DeviceValue {
    const { layerIndex, headCount, headDim, sinks } = options;
    const pages = this.#pages;
    if (headDim > largestHead) {
      const mismatch = { field: "headDim", expected: `at most ${largestHead}`, got: headDim };
      throw new InferenceError("UNSUPPORTED_MODEL", mismatch);
    }
    const rotated = this.#list.value(qkv.q.width);
    const rotation = { ...qkv, rotated, options, pages };
    this.#list.launch(rotateLaunch(rotation), {
      reads: [qkv.q, qkv.k, qkv.v],
      writes: [rotated],
      detail: { kind: "rotation", ...rotation },
    });
    const out = this.#list.value(headCount * headDim);
    const sinkScores: AddressOperand = sinks && { kind: "vector", vector: this.#uses.vector([sinks], 0) };
    const request = { q: rotated, options, sinks: sinkScores, pages };
    this.#list.add({
      reads: [rotated],
      writes: [out],
      name: `attention ${layerIndex}`,
      matrices: [],
      variants: (workspace) => chooseAttention({ ...request, workspace, out, outType: "f32" }),
      narrowOutput: {
        out,
        variants: (workspace, narrowed, outType) =>
          chooseAttention({ ...request, workspace, out: narrowed, outType }),
      },
    });
    return out;
  }

  experts(
    x: DeviceValue,
    routing: ExpertRouting<DeviceValue>,
    expert: (x: DeviceValue, index: number) => DeviceValue,
  ): DeviceValue {
    const list = this.#list;
    const { expertCount, expertsPerToken, logits } = routing;
    const rows: RowKind = { of: "tokens", factor: expertsPerToken };
    const chosen = list.value(1, rows);
    const weights = list.value(1, rows);
    list.launch(routeLaunch({ chosen, weights }, routing), { reads: [logits], writes: [chosen, weights] });
    const tiles = { expertCount, chosen, experts: list.value(1, rows), order: list.value(placesOfRow, rows) };
    list.add({
      reads: [chosen],
      writes: [tiles.experts, tiles.order],
      name: "tiles of experts",
      matrices: [],
      variants: () => groupVariants(tiles),
    });
    const sent = list.value(x.width, rows);
    list.launch(repeatLaunch(sent, x), { reads: [x], writes: [sent] });
    const result = list.buildExperts(tiles, (index) => expert(sent, index));
    const out = list.value(result.width);
    list.launch(joinExpertsLaunch(out, result, weights), { reads: [result, weights], writes: [out] });
    return out;
  }

  activate(x: DeviceValue, activation: Activation | "sigmoid"): DeviceValue {
    const out = this.#list.value(x.width, x.rows);
    return this.#detailed(activationLaunch(out, x, activation), { kind: "activation", out, x, activation });
  }

  clip(x: DeviceValue, limits: Limits): DeviceValue {
    return this.#each(x, (out) => clipLaunch(out, x, limits));
  }

  multiply(a: DeviceValue, b: DeviceValue): DeviceValue {
    const out = this.#list.value(a.width, a.rows);
    return this.#detailed(multiplyLaunch(out, a, b), { kind: "multiply", out, a, b });
  }

  scale(x: DeviceValue, factor: number): DeviceValue {
    return this.#each(x, (out) => scaleLaunch(out, x, factor));
  }

  add(a: DeviceValue, b: DeviceValue): DeviceValue {
    const out = this.#list.value(a.width, a.rows);
    return this.#detailed(addLaunch(out, a, b), { kind: "add", out, a, b });
  }

  logits(x: DeviceValue, weight: WeightRef, { bias, softCap }: LogitOptions): void {
    const rows = this.#list.value(x.width, { of: "logits", factor: 1 });
    this.#list.launch(gatherLaunch(rows, x), { reads: [x], writes: [rows] });
    const product = this.#product(rows, weight, bias);
    const logits =
      softCap === undefined ? product : this.#each(product, (out) => capLaunch(out, product, softCap));
    const sampled = {
      tokens: this.#list.value(1, logits.rows),
      status: this.#list.value(2, logits.rows),
      ranked: this.#list.value(rankedInts, logits.rows),
    };
    const raw = this.#list.value(logits.width, logits.rows);
    this.#list.add({
      reads: [logits],
      writes: [...Object.values(sampled), raw],
      name: "sampling",
      matrices: [],
      variants: () => sampleVariants(logits, sampled, raw),
    });
    this.#results = { logits, sampled };
  }

  #embed(weight: WeightRef, indices: AddressOperand): DeviceValue {
    const out = this.#list.value(weight.shape[1] ?? 0);
    const table = this.#uses.matrix(weight, undefined);
    this.#list.launch(embedLaunch(out, table, { indices, name: weight.name }), { reads: [], writes: [out] });
    return out;
  }

  /** `x · weightᵀ + bias` */
  #product(x: DeviceValue, weight: WeightRef, bias: WeightRef | undefined): DeviceValue {
    const matrix = this.#uses.matrix(weight, bias);
    const { encoding } = matrix;
    const input = encoding.kind === "rotated" ? this.#rotate(x, encoding.rotation, weight) : x;
    const out = this.#list.value(weight.shape[0] ?? 0, x.rows);
    const { tiles } = this.#list;
    const usesTensorCores = this.#usesTensorCores;
    const usesLibrary = this.#usesProductLibrary;
    this.#list.add({
      reads: tiles === undefined ? [input] : [input, tiles.chosen, tiles.experts, tiles.order],
      writes: [out],
      name: `product ${JSON.stringify([encoding, input, out])}`,
      matrices: [matrix],
      detail: { kind: "product", out, x: input, tiles, usesTensorCores, usesLibrary },
      variants: (workspace, matrices = [matrix]) =>
        chooseProduct({ outs: [out], x: input, matrices, tiles, workspace, usesTensorCores, usesLibrary }),
      narrowInput: (matrices = [matrix]) => {
        const type = narrowTypeOf({ x: input, matrices, usesTensorCores });
        return type && { x: input, type };
      },
    });
    return out;
  }

  /** Multiplies blocks of features with the matrix that the columns of a weight were rotated by. */
  #rotate(x: DeviceValue, size: number, { name }: WeightRef): DeviceValue {
    if (size === 1) return x;
    if (size > largestRotation || x.width % size !== 0) {
      const expected = `blocks of up to ${largestRotation} columns that divide ${x.width}`;
      throw new InferenceError("UNSUPPORTED_MODEL", { field: name, expected, got: `blocks of ${size}` });
    }
    return this.#each(x, (out) => rotateBlocksLaunch(out, x, size));
  }

  /** Adds what the adapters of tokens add to a product. */
  #adapt(product: AdaptedProduct): void {
    const low = this.#list.value(this.#adapterRank);
    const { x, out } = product;
    this.#list.add({
      reads: [x, out],
      writes: [low],
      name: `adapters of ${product.weightName}`,
      matrices: [],
      variants: () => adapterVariants(product, low),
    });
  }

  /** A value of the shape of another, made of it. */
  #each(x: DeviceValue, launch: (out: DeviceValue) => KernelLaunch): DeviceValue {
    const out = this.#list.value(x.width, x.rows);
    this.#list.launch(launch(out), { reads: [x], writes: [out] });
    return out;
  }

  /** What an operation that fusions know makes. */
  #detailed(
    launch: KernelLaunch,
    detail: Exclude<OperationDetail, { kind: "rotation" | "product" }>,
  ): DeviceValue {
    const { out } = detail;
    this.#list.launch(launch, {
      reads: "x" in detail ? [detail.x] : [detail.a, detail.b],
      writes: [out],
      detail,
    });
    return out;
  }
}
