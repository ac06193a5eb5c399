import type {
  Activation,
  AttentionOptions,
  AttentionRotary,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  Limits,
  LogitOptions,
  NormStyle,
  NormWeights,
  StoredWeight,
  TensorInfo,
  WeightIndex,
  WeightRef,
} from "@infernode/models";
import { InferenceError } from "../../../errors.ts";
import type { SlotDtype } from "../../executor.ts";
import { activationOperators } from "./activation-operators.ts";
import { AdapterProducts } from "./adapter-products.ts";
import { AttentionOperators, ropeNames } from "./attention-operators.ts";
import { type ExpertNodes, writeExpertNodes } from "./expert-nodes.ts";
import { sendToExperts, writeBranch } from "./expert-rows.ts";
import { HeadInputsWriter } from "./head-inputs.ts";
import { isTransposed } from "../../network/network-summary.ts";
import { onnxDtype, OnnxGraph } from "./onnx-graph.ts";
import {
  type GraphWriter,
  type NodeDetails,
  productShapes,
  QuantizedOperators,
  type TensorView,
} from "./quantized-operators.ts";
import { type OnnxValue, TokenValues } from "./token-values.ts";
import { weightDtypes } from "./weight-dtypes.ts";

/** How a weight is read: as stored, or converted to float32 when the session loads. */
type WeightUse = "stored" | "float32";

/** The weights of a checkpoint and the locations of their files. */
export interface OnnxDecoderWeights extends Pick<WeightIndex, "weight"> {
  /** File path → location relative to the session's directory. */
  readonly locations: ReadonlyMap<string, string>;
  /** [`float32`] */
  readonly kvCacheDtype?: SlotDtype;
  /** Names of weights whose products adapters can change. [none] */
  readonly adaptable?: Pick<ReadonlySet<string>, "has"> | undefined;
}

/** Before the names of tensors: distinct from the names of values, whatever a checkpoint names its tensors. */
export const weightPrefix: string = "weight:";

/**
 * Builds an ONNX graph from an architecture. Inputs, for `B` sequences of `S` tokens, `M` rows of logits and `C`
 * positions of capacity:
 * `input_ids` int32 `(B, S)`, `last_positions` int32 `(B)` (position of each sequence's last token),
 * `total_length` int32 `()` (the longest), `logit_rows` int32 `(M)`, per rotation `rope_cos.i` and `rope_sin.i`
 * `(positions, dim / 2)`, and per layer `past_keys.i` and `past_values.i` `(B, kvHeads, C, headDim)`.
 * Outputs: `logits` `(M, vocabSize)`, `present_keys.i` and `present_values.i`, in the memory of the past.
 * A cache of int8 has further ones, see `AttentionOperators`; the factors that make float32 of it, one for each channel,
 * are `key_scales.i` and `value_scales.i` `(kvHeads · headDim)`. Adapters have the inputs of `AdapterProducts`.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
export class OnnxDecoderBuilder implements DecoderBuilder<OnnxValue> {
  readonly graph: OnnxGraph = new OnnxGraph();
  readonly #weights: OnnxDecoderWeights;
  readonly #computed = new Set<string>();
  readonly #writer: GraphWriter = {
    node: (op, inputs, more) => this.#node(op, inputs, more),
    reshape: (x, shape) => this.#node("Reshape", [x, this.#writer.integers(shape)]),
    integers: (values) => this.graph.addShapeConstant(`shape:${values.join(",")}`, values),
    constant: (name, view, data) => this.graph.addConstant(name, view, data),
    tensor: (tensor, as) => this.#tensor(tensor, as),
  };
  readonly #quantized = new QuantizedOperators(this.#writer);
  readonly #values = new TokenValues(this.#writer, (width) => this.#batchedShape(width));
  readonly #attention: AttentionOperators;
  readonly #heads = new HeadInputsWriter(this.#writer, (input) => this.graph.addInput(input));
  readonly #adapters = new AdapterProducts(this.#writer, this.#values, this.graph);
  readonly #ropes = new Set<number>();

  constructor(weights: OnnxDecoderWeights) {
    this.#weights = weights;
    this.graph.addInput({ name: "input_ids", dtype: "int32", shape: ["B", "S"] });
    this.graph.addInput({ name: "last_positions", dtype: "int32", shape: ["B"] });
    this.graph.addInput({ name: "total_length", dtype: "int32", shape: [] });
    this.graph.addInput({ name: "logit_rows", dtype: "int32", shape: ["M"] });
    this.#attention = new AttentionOperators(this.graph, weights.kvCacheDtype ?? "float32");
    this.#attention.declareInputs();
  }

  embed(weight: WeightRef): OnnxValue {
    const width = weight.shape[1] ?? 0;
    return { width, names: { batched: this.#embeddingRows(weight) } };
  }

  embedPositions(weight: WeightRef): OnnxValue {
    const rows = this.#rows(weight, this.#heads.positions());
    return { width: weight.shape[1] ?? 0, names: { batched: rows } };
  }

  norm(x: OnnxValue, { weight, bias }: NormWeights, style: NormStyle): OnnxValue {
    if ("name" in weight && weight.shape.length === 1) {
      const names = { weight: this.#normWeight(weight, style), bias: bias && this.#weight(bias, "float32") };
      return this.#values.norm(x, names, { ...style, size: weight.shape[0] ?? 0 });
    }
    const refs = "name" in weight ? [weight] : weight;
    const names = refs.map((ref) => this.#normWeight(ref, style));
    return this.#values.normGroups(x, names, { ...style, size: refs[0]?.shape.at(-1) ?? 0 });
  }

  linear(x: OnnxValue, weight: WeightRef, bias?: WeightRef): OnnxValue {
    const more = bias === undefined ? {} : { bias: this.#weight(bias, "float32") };
    const product = this.#product(x, weight, more);
    return this.#weights.adaptable?.has(weight.name) ? this.#adapters.add(x, product, weight) : product;
  }

  slice(x: OnnxValue, part: FeatureSlice): OnnxValue {
    return this.#values.slice(x, part);
  }

  attention(
    qkv: { readonly q: OnnxValue; readonly k: OnnxValue; readonly v: OnnxValue },
    options: AttentionOptions,
  ): OnnxValue {
    const { headCount, headDim, rotary, sinks } = options;
    if (rotary !== undefined) this.#declareRope(rotary);
    const [q, k, v] = [qkv.q, qkv.k, qkv.v].map((x) => this.#values.name(x, "batched")) as [
      string,
      string,
      string,
    ];
    const { options: attended, ...inputs } = this.#heads.prepare({ q, k, v }, options);
    const output = this.#fresh("attention");
    const sinkScores = sinks && this.#weight(sinks, "float32");
    this.#attention.attend({ ...inputs, sinks: sinkScores }, attended, output);
    return { width: headCount * headDim, names: { batched: this.#heads.cut(output, options) } };
  }

  experts(
    x: OnnxValue,
    routing: ExpertRouting<OnnxValue>,
    expert: (x: OnnxValue, index: number) => OnnxValue,
  ): OnnxValue {
    const nameOf = (value: OnnxValue): string => this.#values.name(value, "flat");
    const [tokens, logits] = [nameOf(x), nameOf(routing.logits)];
    const condition = this.#hasTokens();
    let width = 0;
    let sum = "";
    const nodes = this.graph.collectNodes(() => {
      const { sent, join } = sendToExperts(this.#writer, tokens, { ...routing, logits });
      const experts = Array.from({ length: routing.expertCount }, (_, index): ExpertNodes => {
        const input = `${tokens}.expert.${index}`;
        let output = "";
        const own = this.graph.collectNodes(() => {
          const result = expert({ width: x.width, names: { flat: input } }, index);
          width = result.width;
          output = nameOf(result);
        });
        return { input, nodes: own, output };
      });
      sum = join(writeExpertNodes(this.#writer, experts, sent), width);
    });
    const flat = writeBranch(this.#writer, condition, { nodes, output: sum, otherwise: tokens });
    return { width, names: { flat } };
  }

  /** Whether a run has tokens, which the runtime does not know before it. */
  #hasTokens(): string {
    const output = "has_tokens";
    if (!this.#computed.has(output)) {
      const rowCount = this.#node("Size", ["input_ids"]);
      this.#node("Greater", [rowCount, this.#writer.integers([0])], { output });
    }
    this.#computed.add(output);
    return output;
  }

  activate(x: OnnxValue, activation: Activation | "sigmoid"): OnnxValue {
    const [op, details] = activationOperators[activation];
    return this.#values.elementwise((name) => this.#node(op, [name], details), x);
  }

  clip(x: OnnxValue, { min, max }: Limits): OnnxValue {
    const [least, most] = [min, max].map((limit) => (limit === undefined ? "" : this.#float(limit)));
    return this.#values.elementwise((name) => this.#node("Clip", [name, least ?? "", most ?? ""]), x);
  }

  multiply(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#values.elementwise((...names) => this.#node("Mul", names), a, b);
  }

  scale(x: OnnxValue, factor: number): OnnxValue {
    return this.#values.elementwise((name) => this.#node("Mul", [name, this.#float(factor)]), x);
  }

  add(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#values.add(a, b);
  }

  logits(x: OnnxValue, weight: WeightRef, { bias, softCap }: LogitOptions): void {
    const added = bias === undefined ? {} : { bias: this.#weight(bias, "float32") };
    const rows = this.#node("Gather", [this.#values.name(x, "flat"), "logit_rows"]);
    const output = "logits";
    const input = { width: x.width, names: { flat: rows } };
    if (softCap === undefined) {
      this.#product(input, weight, { ...added, output });
    } else {
      const product = this.#values.name(this.#product(input, weight, added), "flat");
      const shrunk = this.#node("Tanh", [this.#node("Div", [product, this.#float(softCap)])]);
      this.#node("Mul", [shrunk, this.#float(softCap)], { output });
    }
    this.graph.addOutput({ name: output, dtype: "float32", shape: ["M", weight.shape[0] ?? 0] });
  }

  #embeddingRows(weight: WeightRef): string {
    const stored = this.#stored(weight);
    if (stored.encoding === "block-quantized") return this.#quantized.rows(stored, "input_ids");
    return this.#rows(weight, "input_ids");
  }

  /** Rows of a table of numbers. */
  #rows(weight: WeightRef, indices: string): string {
    const rows = this.#node("Gather", [this.#weight(weight, "stored"), indices]);
    return this.#dense(weight).dtype === "F32" ? rows : this.#cast(rows);
  }

  /** The shape `(B, S, width)` of this run. */
  #batchedShape(width: number): string {
    const tokens = "batch_shape";
    const shape = `${tokens}.${width}`;
    if (this.#computed.has(shape)) return shape;
    if (!this.#computed.has(tokens)) this.#node("Shape", ["input_ids"], { output: tokens });
    this.#node("Concat", [tokens, this.#writer.integers([width])], {
      output: shape,
      attributes: { axis: 0 },
    });
    this.#computed.add(tokens).add(shape);
    return shape;
  }

  #declareRope({ index, dim }: AttentionRotary): void {
    if (this.#ropes.has(index)) return;
    this.#ropes.add(index);
    for (const name of Object.values(ropeNames(index))) {
      this.graph.addInput({ name, dtype: "float32", shape: ["P", dim / 2] });
    }
  }

  /** A number. */
  #float(value: number): string {
    const data = new Uint8Array(Float32Array.of(value).buffer);
    return this.#writer.constant(`float:${value}`, { dtype: "float32", shape: [1] }, data);
  }

  #normWeight(weight: WeightRef, { weightOffset }: NormStyle): string {
    const stored = this.#weight(weight, "float32");
    if (weightOffset === 0) return stored;
    const whole = `whole:${weight.name}`;
    if (!this.#computed.has(whole)) this.#node("Add", [stored, this.#float(weightOffset)], { output: whole });
    this.#computed.add(whole);
    return whole;
  }

  #cast(x: string, output?: string): string {
    const attributes = { to: onnxDtype.float32 };
    return this.#node("Cast", [x], output === undefined ? { attributes } : { output, attributes });
  }

  /** `x · weightᵀ + bias`, however the weight is stored. */
  #product(
    x: OnnxValue,
    ref: WeightRef,
    { bias, ...more }: { readonly bias?: string; readonly output?: string },
  ): OnnxValue {
    const weight = this.#stored(ref);
    const width = ref.shape[0] ?? 0;
    if (weight.encoding === "block-quantized") {
      const shapes = productShapes(weight, this.#values.shapeOf(x));
      const name = this.#quantized.product(this.#values.name(x, shapes.input), weight, { bias, ...more });
      return { width, names: { [shapes.output]: name } };
    }
    const attributes = { transB: isTransposed(weight) ? 0 : 1 };
    const inputs = [
      this.#values.name(x, "flat"),
      this.#weight(ref, "float32"),
      ...(bias === undefined ? [] : [bias]),
    ];
    return { width, names: { flat: this.#node("Gemm", inputs, { ...more, attributes }) } };
  }

  #weight(ref: WeightRef, use: WeightUse): string {
    const tensor = this.#dense(ref);
    const dtype = weightDtypes[tensor.dtype];
    if (dtype === undefined) {
      const expected = "F32, F16, BF16 or F64";
      throw new InferenceError("UNSUPPORTED_DTYPE", { field: ref.name, expected, got: tensor.dtype });
    }
    const name = this.#tensor(tensor, { dtype, shape: tensor.shape });
    if (use === "stored" || dtype === "float32") return name;
    const converted = `float32:${tensor.name}`;
    if (!this.#computed.has(converted)) this.#cast(name, converted);
    this.#computed.add(converted);
    return converted;
  }

  /** Refers to a tensor where it is stored. */
  #tensor(tensor: TensorInfo, { dtype, shape }: TensorView): string {
    const name = `${weightPrefix}${tensor.name}`;
    if (!this.graph.hasInitializer(name)) {
      this.graph.addExternalTensor({
        name,
        dtype,
        shape,
        location: this.#weights.locations.get(tensor.filePath) ?? tensor.filePath,
        offsetBytes: tensor.startByte,
        lengthBytes: tensor.endByte - tensor.startByte,
        prepacked: tensor.prepacked,
      });
    }
    return name;
  }

  #dense(ref: WeightRef): TensorInfo {
    const weight = this.#stored(ref);
    if (weight.encoding === "dense") return weight.data;
    throw new InferenceError("UNSUPPORTED_MODEL", {
      field: ref.name,
      expected: "a weight of numbers",
      got: weight.encoding === "packed" ? `packed ${weight.packing}` : `integers of ${weight.bits} bits`,
    });
  }

  #stored(ref: WeightRef): StoredWeight {
    const weight = this.#weights.weight(ref.name);
    const expected = ref.shape.join(" × ");
    const got = weight?.shape.join(" × ") ?? "no such tensor";
    if (weight === undefined || expected !== got) {
      throw new InferenceError("SHAPE_MISMATCH", { field: ref.name, expected, got });
    }
    return weight;
  }

  #node(op: string, inputs: readonly string[], more: NodeDetails = {}): string {
    const { output = this.#fresh(op), moreOutputs = [], ...details } = more;
    this.graph.addNode({ op, inputs, outputs: [output, ...moreOutputs], ...details });
    return output;
  }

  #fresh(kind: string): string {
    return `${kind}.${this.graph.nodeCount}`;
  }
}
