import type { AttentionOptions } from "@infernode/models";
import type { SlotDtype } from "../../executor.ts";
import { rotaryAttributes } from "./rotary-attributes.ts";
import type { OnnxGraph, OnnxNode, OnnxValueInfo } from "./onnx-graph.ts";

/** Names of queries, keys and values, each `(B, S, width)`. */
interface AttentionInputs {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  /** `(headCount)`: what each head attends to beside the tokens, as a score. */
  readonly sinks?: string | undefined;
}

/** Names of the tables of a rotation, `(positions, dim / 2)`. */
export function ropeNames(index: number): { readonly cos: string; readonly sin: string } {
  return { cos: `rope_cos.${index}`, sin: `rope_sin.${index}` };
}

/** Names of one layer's KV cache in the graph. */
export interface KvNames {
  readonly pastKeys: string;
  readonly pastValues: string;
  readonly presentKeys: string;
  readonly presentValues: string;
}

interface CacheScales {
  readonly keys: string;
  readonly values: string;
}

const domain = "com.microsoft";
/** A scale for each channel of a head: in some models the range of one is a hundred times that of another. */
const quantizedCache = { k_quant_type: "PER_CHANNEL", v_quant_type: "PER_CHANNEL", kv_cache_bit_width: 8 };
const scalar = { dtype: "float32", shape: [] } as const;

/**
 * Writes attention with a KV cache. Each layer has it twice, and `is_prefill` chooses.
 *
 * On a cache of float32, the runtime's operator computes many tokens in blocks, which never holds all scores, and a
 * single one in loops without the processor's wide instructions. With sinks, here of no weight, it takes its matrix
 * products instead, which are up to 1.7 times as fast for one token; those have a fast case that does not scale.
 *
 * On a cache of int8 the operator is fast for one token of a sequence, and takes twice the time of float32 for many. So
 * a chunk of a prompt is computed with float32 beside the cache, in `exact_keys.i` and `exact_values.i`
 * `(1, kvHeads, E, headDim)`, which the caller rounds into the cache afterwards. New keys and values are rounded to
 * the numbers that int8 stands for before they are used, so that a token attends to the same numbers in either way.
 *
 * @see onnxruntime 1.30, `group_query_attention.cc`
 */
export class AttentionOperators {
  readonly #graph: OnnxGraph;
  readonly #kvCacheDtype: SlotDtype;

  constructor(graph: OnnxGraph, kvCacheDtype: SlotDtype) {
    this.#graph = graph;
    this.#kvCacheDtype = kvCacheDtype;
  }

  /** Adds the inputs that all layers share. */
  declareInputs(): void {
    this.#graph.addInput({ name: "is_prefill", dtype: "bool", shape: [] });
    if (this.#kvCacheDtype !== "int8") return;
    this.#graph.addInput({ name: "start_position", dtype: "int64", shape: [1] });
    this.#graph.addInput({ name: "least_int8", ...scalar });
    this.#graph.addInput({ name: "most_int8", ...scalar });
  }

  /** → `(B, S, heads · headDim)` */
  attend(inputs: AttentionInputs, options: AttentionOptions, output: string): void {
    const { layerIndex, kvHeadCount, headDim } = options;
    const names = kvNames(layerIndex);
    const dtype = this.#kvCacheDtype;
    this.#declareCache(names, { dtype, shape: ["B", kvHeadCount, "C", headDim] });
    if (dtype === "float32") {
      this.#attendExact(inputs, options, { names, output });
      return;
    }
    const scales = scaleNames(layerIndex);
    for (const name of [scales.keys, scales.values]) {
      this.#graph.addInput({ name, dtype: "float32", shape: [kvHeadCount * headDim] });
    }
    const exact = exactKvNames(layerIndex);
    this.#declareCache(exact, { dtype: "float32", shape: [1, kvHeadCount, "E", headDim] });
    const outputs = [
      { name: output, dtype: "float32", shape: ["B", "S", options.headCount * headDim] },
      { name: names.presentKeys, dtype: "int8", shape: ["B", kvHeadCount, "C", headDim] },
      { name: names.presentValues, dtype: "int8", shape: ["B", kvHeadCount, "C", headDim] },
      { name: exact.presentKeys, dtype: "float32", shape: [1, kvHeadCount, "E", headDim] },
      { name: exact.presentValues, dtype: "float32", shape: [1, kvHeadCount, "E", headDim] },
    ] as const;
    const chunk = chunkNodes(inputs, options, { names: exact, output: inBranch("chunk", output) });
    const decode = groupQueryAttention(inputs, options, {
      names: { ...names, ...presentIn("decode", names) },
      output: inBranch("decode", output),
      scales,
    });
    this.#choose(outputs, {
      chunk: [...chunk, ...unchanged("chunk", names)],
      decode: [decode, ...unchanged("decode", exact)],
    });
  }

  /** On a cache of float32. */
  #attendExact(inputs: AttentionInputs, options: AttentionOptions, { names, output }: AttentionNames): void {
    // With a cap the runtime has one way for both.
    if (options.softCap !== undefined) {
      this.#graph.addNode(groupQueryAttention(inputs, options, { names, output }));
      return;
    }
    const { kvHeadCount, headCount, headDim, scale, layerIndex } = options;
    const cache = { dtype: "float32", shape: ["B", kvHeadCount, "C", headDim] } as const;
    const outputs = [
      { name: output, dtype: "float32", shape: ["B", "S", headCount * headDim] },
      { name: names.presentKeys, ...cache },
      { name: names.presentValues, ...cache },
    ] as const;
    const into = (name: string): AttentionNames => ({
      names: { ...names, ...presentIn(name, names) },
      output: inBranch(name, output),
    });
    const scaled = inBranch("decode", `scaled.${layerIndex}`);
    this.#choose(outputs, {
      chunk: [groupQueryAttention(inputs, options, into("chunk"))],
      decode: [
        { op: "Mul", inputs: [inputs.q, this.#constant("attention_scale", [scale])], outputs: [scaled] },
        groupQueryAttention(
          { ...inputs, q: scaled, sinks: inputs.sinks ?? this.#noSinks(headCount) },
          { ...options, scale: 1 },
          into("decode"),
        ),
      ],
    });
  }

  #noSinks(headCount: number): string {
    return this.#constant(
      "no_sinks",
      Array.from({ length: headCount }, () => -Infinity),
    );
  }

  #choose(
    outputs: readonly OnnxValueInfo[],
    { chunk, decode }: { readonly chunk: readonly OnnxNode[]; readonly decode: readonly OnnxNode[] },
  ): void {
    this.#graph.addNode({
      op: "If",
      inputs: ["is_prefill"],
      outputs: outputs.map(({ name }) => name),
      attributes: {
        then_branch: branch("chunk", outputs, chunk),
        else_branch: branch("decode", outputs, decode),
      },
    });
  }

  #constant(kind: string, values: readonly number[]): string {
    const data = new Uint8Array(Float32Array.from(values).buffer);
    const name = `${kind}:${values[0]}:${values.length}`;
    return this.#graph.addConstant(name, { dtype: "float32", shape: [values.length] }, data);
  }

  #declareCache(names: KvNames, cache: Omit<OnnxValueInfo, "name">): void {
    this.#graph.addInput({ name: names.pastKeys, ...cache });
    this.#graph.addInput({ name: names.pastValues, ...cache });
    this.#graph.addOutput({ name: names.presentKeys, ...cache });
    this.#graph.addOutput({ name: names.presentValues, ...cache });
  }
}

interface AttentionNames {
  readonly names: KvNames;
  readonly output: string;
  /** Of a cache of int8. */
  readonly scales?: CacheScales;
  /** Whether queries and keys are rotated already. */
  readonly isRotated?: boolean;
}

function groupQueryAttention(
  { q, k, v, sinks }: AttentionInputs,
  options: AttentionOptions,
  { names, output, scales, isRotated = false }: AttentionNames,
): OnnxNode {
  const { headCount, kvHeadCount, scale, softCap, slidingWindowTokens, rotary } = options;
  const tables = isRotated || rotary === undefined ? undefined : ropeNames(rotary.index);
  const { cos, sin } = tables ?? { cos: "", sin: "" };
  const past = [names.pastKeys, names.pastValues, "last_positions", "total_length"];
  return {
    op: "GroupQueryAttention",
    domain,
    inputs: withoutTrailing([q, k, v, ...past, cos, sin, "", "", sinks, scales?.keys, scales?.values]),
    outputs: [output, names.presentKeys, names.presentValues],
    attributes: {
      num_heads: headCount,
      kv_num_heads: kvHeadCount,
      scale: { float: scale },
      do_rotary: tables === undefined ? 0 : 1,
      rotary_interleaved: rotary?.isInterleaved === true ? 1 : 0,
      ...(softCap !== undefined && { softcap: { float: softCap } }),
      ...(slidingWindowTokens !== undefined && { local_window_size: slidingWindowTokens }),
      ...(scales !== undefined && quantizedCache),
    },
  };
}

/** Names of inputs; those that are absent are empty in the middle and left out at the end. */
function withoutTrailing(names: readonly (string | undefined)[]): readonly string[] {
  const count = names.findLastIndex((name) => name !== undefined && name !== "") + 1;
  return names.slice(0, count).map((name) => name ?? "");
}

/** Attention of a chunk, in float32. */
function chunkNodes(inputs: AttentionInputs, options: AttentionOptions, into: AttentionNames): OnnxNode[] {
  const { layerIndex, rotary, headCount, kvHeadCount, headDim } = options;
  const nodes: OnnxNode[] = [];
  const node = (op: string, from: readonly string[], more: Partial<OnnxNode> = {}): string => {
    const output = inBranch("chunk", `${op}.${layerIndex}.${nodes.length}`);
    nodes.push({ op, inputs: from, outputs: [output], ...more });
    return output;
  };
  const rotate = (x: string, heads: number): string => {
    if (rotary === undefined) return x;
    const { cos, sin } = ropeNames(rotary.index);
    const attributes = rotaryAttributes(rotary, { heads, headDim });
    return node("RotaryEmbedding", [x, "start_position", cos, sin], { domain, attributes });
  };
  const round = (x: string, scales: string): string => {
    const whole = node("Round", [node("Div", [x, scales])]);
    return node("Mul", [node("Clip", [whole, "least_int8", "most_int8"]), scales]);
  };
  const scales = scaleNames(layerIndex);
  const rounded = {
    q: rotate(inputs.q, headCount),
    k: round(rotate(inputs.k, kvHeadCount), scales.keys),
    v: round(inputs.v, scales.values),
    sinks: inputs.sinks,
  };
  const names = { ...into.names, ...presentIn("chunk", into.names) };
  nodes.push(groupQueryAttention(rounded, options, { ...into, names, isRotated: true }));
  return nodes;
}

/** The cache that a branch does not write: past and present are the same memory, so nothing is copied. */
function unchanged(name: string, { pastKeys, pastValues, presentKeys, presentValues }: KvNames): OnnxNode[] {
  return [
    { op: "Identity", inputs: [pastKeys], outputs: [inBranch(name, presentKeys)] },
    { op: "Identity", inputs: [pastValues], outputs: [inBranch(name, presentValues)] },
  ];
}

function presentIn(name: string, { presentKeys, presentValues }: KvNames): Partial<KvNames> {
  return { presentKeys: inBranch(name, presentKeys), presentValues: inBranch(name, presentValues) };
}

function branch(
  name: string,
  outputs: readonly OnnxValueInfo[],
  nodes: readonly OnnxNode[],
): { readonly graph: { readonly nodes: readonly OnnxNode[]; readonly outputs: readonly OnnxValueInfo[] } } {
  return {
    graph: { nodes, outputs: outputs.map((each) => ({ ...each, name: inBranch(name, each.name) })) },
  };
}

function inBranch(name: string, value: string): string {
  return `${name}:${value}`;
}

/** Names of one layer's KV cache. */
export function kvNames(layerIndex: number): KvNames {
  return {
    pastKeys: `past_keys.${layerIndex}`,
    pastValues: `past_values.${layerIndex}`,
    presentKeys: `present_keys.${layerIndex}`,
    presentValues: `present_values.${layerIndex}`,
  };
}

/** Names of one layer's keys and values in float32, beside a cache of int8. */
export function exactKvNames(layerIndex: number): KvNames {
  return {
    pastKeys: `exact_keys.${layerIndex}`,
    pastValues: `exact_values.${layerIndex}`,
    presentKeys: `present_exact_keys.${layerIndex}`,
    presentValues: `present_exact_values.${layerIndex}`,
  };
}

/** Names of the factors that make float32 of one layer's int8. */
export function scaleNames(layerIndex: number): CacheScales {
  return { keys: `key_scales.${layerIndex}`, values: `value_scales.${layerIndex}` };
}
