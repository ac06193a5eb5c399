import { closeSync, linkSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint, type TensorInfo } from "@infernode/models";
import { quantizeQ40 } from "../../lib/q4-0.ts";
import { encodeOnnx, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from "./onnx-file.ts";
import { readBfloat16 } from "./read-bfloat16.ts";
import { shapeContextTokens, type Shape } from "./shapes.ts";

const blockSize = 32;
const graphName = "model_q4.onnx";
const dataName = "model_q4.onnx_data";

/** The directory, in that of transformers.js, of the same model with products in 8 bits. */
export const level4Directory: string = "level4";

/**
 * Writes the directory that transformers.js takes with the dtype `q4`: `MatMulNBits` in blocks of 32,
 * `GroupQueryAttention`, a KV cache that grows from step to step. The numbers are those of Q4_0. Activations stay
 * float32, which is what its own script for quantizing does by default; in `level4`, they are rounded to 8 bits.
 *
 * @see https://github.com/huggingface/transformers.js/blob/main/scripts/quantize.py
 */
export async function writeQ4Onnx(target: string, directory: string, shape: Shape): Promise<void> {
  const exact = join(target, "onnx");
  const level4 = join(target, level4Directory, "onnx");
  const config: object = JSON.parse(readFileSync(join(directory, "config.json"), "utf8"));
  const changes = { eos_token_id: null, "transformers.js_config": { use_external_data_format: true } };
  for (const folder of [exact, level4]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "..", "config.json"), JSON.stringify({ ...config, ...changes }));
  }
  const { weights } = await openCheckpoint(directory);
  const data = openSync(join(exact, dataName), "w");
  try {
    const source = (name: string): TensorInfo => {
      const tensor = weights.tensors.get(name);
      if (tensor === undefined) throw new Error(`${directory} has no tensor ${name}`);
      return tensor;
    };
    const graph = new DecoderGraph(shape, { data, source }).build();
    writeFileSync(join(exact, graphName), encodeOnnx(graph));
    writeFileSync(join(level4, graphName), encodeOnnx(withAccuracyLevel(graph, 4)));
    linkSync(join(exact, dataName), join(level4, dataName));
  } finally {
    closeSync(data);
    await weights.close();
  }
}

function withAccuracyLevel(graph: OnnxModel, level: number): OnnxModel {
  const nodes = graph.nodes.map((node) =>
    node.op === "MatMulNBits" ? { ...node, attributes: { ...node.attributes, accuracy_level: level } } : node,
  );
  return { ...graph, nodes };
}

class DecoderGraph {
  readonly #shape: Shape;
  readonly #data: number;
  readonly #source: (name: string) => TensorInfo;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #tensors: OnnxTensor[] = [];
  #offset = 0;

  constructor(shape: Shape, files: { readonly data: number; readonly source: (name: string) => TensorInfo }) {
    this.#shape = shape;
    this.#data = files.data;
    this.#source = files.source;
  }

  /** transformers.js makes the empty cache of the size that is named `batch_size`. */
  build(): OnnxModel {
    const { layerCount, isHeadTied, vocabSize } = this.#shape;
    this.#inputs.push(
      { name: "input_ids", dtype: "int64", shape: ["batch_size", "S"] },
      { name: "attention_mask", dtype: "int64", shape: ["batch_size", "T"] },
      { name: "num_logits_to_keep", dtype: "int64", shape: [] },
    );
    this.#declareLengths();
    this.#declareRope();
    let x = this.#embed();
    for (let layer = 0; layer < layerCount; layer += 1) x = this.#layer(x, layer);
    const last = this.#node("Slice", [
      this.#norm(x, "model.norm.weight"),
      this.#node("Neg", [this.#node("Reshape", ["num_logits_to_keep", this.#integers([1])])]),
      this.#integers([2 ** 31]),
      this.#integers([1]),
    ]);
    const head = isHeadTied ? "model.embed_tokens.weight" : "lm_head.weight";
    this.#product(last, head, { output: "logits" });
    this.#outputs.push({ name: "logits", dtype: "float32", shape: ["batch_size", "L", vocabSize] });
    return { nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs, tensors: this.#tensors };
  }

  #declareLengths(): void {
    const sums = this.#node("ReduceSum", ["attention_mask", this.#integers([1])], {
      attributes: { keepdims: 0 },
    });
    const lasts = this.#node("Sub", [sums, this.#integers([1])]);
    this.#node("Cast", [lasts], { output: "last_positions", attributes: { to: 6 } });
    const shape = this.#node("Shape", ["attention_mask"], { attributes: { start: 1 } });
    const length = this.#node("Squeeze", [shape]);
    this.#node("Cast", [length], { output: "total_length", attributes: { to: 6 } });
  }

  #declareRope(): void {
    const { headDim, ropeTheta } = this.#shape;
    const half = headDim / 2;
    const angles = Float64Array.from(
      { length: shapeContextTokens * half },
      (_, at) => Math.floor(at / half) / ropeTheta ** ((at % half) / half),
    );
    const shape = [shapeContextTokens, half];
    this.#store("rope_cos", shape, Float32Array.from(angles, Math.cos));
    this.#store("rope_sin", shape, Float32Array.from(angles, Math.sin));
  }

  #layer(x: string, layer: number): string {
    const { headCount, kvHeadCount, headDim, family } = this.#shape;
    const prefix = `model.layers.${layer}`;
    const normed = this.#norm(x, `${prefix}.input_layernorm.weight`);
    const qkv = ["q_proj", "k_proj", "v_proj"].map((name) => {
      const path = `${prefix}.self_attn.${name}`;
      return this.#product(
        normed,
        `${path}.weight`,
        family === "qwen2" ? { bias: this.#vector(`${path}.bias`) } : {},
      );
    });
    const past = ["key", "value"].map((part) => `past_key_values.${layer}.${part}`);
    const present = ["key", "value"].map((part) => `present.${layer}.${part}`);
    for (const name of past) {
      this.#inputs.push({ name, dtype: "float32", shape: ["batch_size", kvHeadCount, "P", headDim] });
    }
    for (const name of present) {
      this.#outputs.push({ name, dtype: "float32", shape: ["batch_size", kvHeadCount, "T", headDim] });
    }
    const attended = `attention.${layer}`;
    this.#nodes.push({
      op: "GroupQueryAttention",
      inputs: [...qkv, ...past, "last_positions", "total_length", "rope_cos", "rope_sin"],
      outputs: [attended, ...present],
      isContrib: true,
      attributes: {
        num_heads: headCount,
        kv_num_heads: kvHeadCount,
        scale: { float: 1 / Math.sqrt(headDim) },
        do_rotary: 1,
        rotary_interleaved: 0,
      },
    });
    const after = this.#node("Add", [x, this.#product(attended, `${prefix}.self_attn.o_proj.weight`)]);
    const wide = this.#norm(after, `${prefix}.post_attention_layernorm.weight`);
    const gate = this.#product(wide, `${prefix}.mlp.gate_proj.weight`);
    const up = this.#product(wide, `${prefix}.mlp.up_proj.weight`);
    const silu = this.#node("QuickGelu", [gate], { isContrib: true, attributes: { alpha: { float: 1 } } });
    const gated = this.#node("Mul", [silu, up]);
    return this.#node("Add", [after, this.#product(gated, `${prefix}.mlp.down_proj.weight`)]);
  }

  #embed(): string {
    const { vocabSize, hiddenSize } = this.#shape;
    const name = "model.embed_tokens.weight";
    this.#quantize(name);
    // The same bytes, seen as rows: the head of a tied model has them in blocks.
    const stored = this.#tensors.find((each) => each.name === `${name}.data`)!;
    this.#tensors.push({ ...stored, name: `${name}.rows`, shape: [vocabSize, hiddenSize / 2] });
    return this.#node("GatherBlockQuantized", [`${name}.rows`, "input_ids", `${name}.scales`], {
      isContrib: true,
      attributes: { gather_axis: 0, quantize_axis: 1, block_size: blockSize, bits: 4 },
    });
  }

  #product(
    x: string,
    name: string,
    { bias, output }: { readonly bias?: string; readonly output?: string } = {},
  ): string {
    const [rows = 0, columns = 0] = this.#quantize(name);
    const inputs = [x, `${name}.data`, `${name}.scales`, ...(bias === undefined ? [] : ["", "", bias])];
    const attributes = { K: columns, N: rows, bits: 4, block_size: blockSize };
    const more = output === undefined ? {} : { output };
    return this.#node("MatMulNBits", inputs, { ...more, isContrib: true, attributes });
  }

  #quantize(name: string): readonly number[] {
    const source = this.#source(name);
    if (this.#tensors.some((each) => each.name === `${name}.data`)) return source.shape;
    const [rows = 0, columns = 0] = source.shape;
    const { data, scales } = quantizeQ40(readBfloat16(source));
    this.#store(`${name}.data`, [rows, columns / blockSize, blockSize / 2], data);
    this.#store(`${name}.scales`, [rows, columns / blockSize], scales);
    return source.shape;
  }

  #norm(x: string, name: string): string {
    const attributes = { axis: -1, epsilon: { float: 1e-5 }, stash_type: 1 };
    return this.#node("SimplifiedLayerNormalization", [x, this.#vector(name)], { attributes });
  }

  #vector(name: string): string {
    const source = this.#source(name);
    this.#store(name, source.shape, readBfloat16(source));
    return name;
  }

  #store(name: string, shape: readonly number[], values: Float32Array | Uint8Array): void {
    const dtype = values instanceof Uint8Array ? "uint8" : "float32";
    const length = values.byteLength;
    this.#tensors.push({ name, dtype, shape, location: dataName, offset: this.#offset, length });
    const padding = -length & 63;
    writeSync(this.#data, values);
    writeSync(this.#data, new Uint8Array(padding));
    this.#offset += length + padding;
  }

  #integers(integers: readonly number[]): string {
    const name = `integers:${integers.join(",")}`;
    if (!this.#tensors.some((each) => each.name === name)) {
      this.#tensors.push({ name, dtype: "int64", shape: [integers.length], integers });
    }
    return name;
  }

  #node(
    op: string,
    inputs: readonly string[],
    more: Pick<OnnxNode, "isContrib" | "attributes"> & { readonly output?: string } = {},
  ): string {
    const { output = `${op}.${this.#nodes.length}`, ...details } = more;
    this.#nodes.push({ op, inputs, outputs: [output], ...details });
    return output;
  }
}
