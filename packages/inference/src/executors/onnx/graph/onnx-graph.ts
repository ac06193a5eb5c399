import { ProtobufWriter } from "./protobuf.ts";

/** Element types, numbered as `TensorProto.DataType`. */
export const onnxDtype = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;

/** Element types in use. */
export type OnnxDtype = keyof typeof onnxDtype;

/** A branch of `If`. It may use the values of the graph around it. */
export interface OnnxSubgraph {
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** A number is an integer attribute. */
export type OnnxAttribute = number | string | { readonly float: number } | { readonly graph: OnnxSubgraph };

/** One operation of the graph. */
export interface OnnxNode {
  readonly op: string;
  /** `com.microsoft` for contrib operators; the default domain when absent. */
  readonly domain?: string;
  /** Names of values; an empty string omits an optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the graph. A string in the shape is a symbolic size. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly (number | string)[];
}

/** A tensor whose bytes stay in their file. */
export interface OnnxExternalTensor {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  /** Relative to the session's directory, with `/`. */
  readonly location: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Copies in the runtime's own order, in the same file. */
  readonly prepacked?: readonly OnnxPrepackedCopy[] | undefined;
}

/** A copy of a tensor as an operator multiplies with it. */
export interface OnnxPrepackedCopy {
  /** The operator and a hash of the copy. The runtime ignores a copy with another key than the one that it computes. */
  readonly key: string;
  readonly parts: readonly { readonly startByte: number; readonly endByte: number }[];
}

const irVersion = 10;
const opsetVersion = 21;
const contribVersion = 1;
const attributeFloat = 1;
const attributeInt = 2;
const attributeString = 3;
const attributeGraph = 5;
const external = 1;

/**
 * Collects nodes, weights, inputs and outputs of a graph, and encodes them as an ONNX model.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export class OnnxGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];
  readonly #initializers = new Map<string, ProtobufWriter>();
  readonly #externalTensors = new Set<string>();
  #nodeCount = 0;

  /** How many nodes were added, those of branches included. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  addInput(info: OnnxValueInfo): string {
    this.#inputs.push(info);
    return info.name;
  }

  addOutput(info: OnnxValueInfo): string {
    this.#outputs.push(info);
    return info.name;
  }

  addNode(node: OnnxNode): void {
    this.#nodes.push(node);
    this.#nodeCount += 1;
  }

  /** Takes out the nodes that are added meanwhile, for a branch. */
  collectNodes(add: () => void): readonly OnnxNode[] {
    const start = this.#nodes.length;
    add();
    return this.#nodes.splice(start);
  }

  hasInitializer(name: string): boolean {
    return this.#initializers.has(name);
  }

  /** Adds a one-dimensional int64 constant, for shapes, once per name. */
  addShapeConstant(name: string, values: readonly number[]): string {
    if (this.#initializers.has(name)) return name;
    const data = new BigInt64Array(values.map(BigInt));
    this.#initializers.set(
      name,
      new ProtobufWriter()
        .int(1, values.length)
        .int(2, onnxDtype.int64)
        .string(8, name)
        .bytes(9, new Uint8Array(data.buffer)),
    );
    return name;
  }

  /** Adds a constant whose bytes are in the graph, once per name. */
  addConstant(
    name: string,
    { dtype, shape }: Pick<OnnxValueInfo, "dtype"> & { readonly shape: readonly number[] },
    data: Uint8Array,
  ): string {
    if (this.#initializers.has(name)) return name;
    const proto = new ProtobufWriter();
    for (const size of shape) proto.int(1, size);
    this.#initializers.set(name, proto.int(2, onnxDtype[dtype]).string(8, name).bytes(9, data));
    return name;
  }

  addExternalTensor(tensor: OnnxExternalTensor): string {
    const proto = new ProtobufWriter();
    for (const size of tensor.shape) proto.int(1, size);
    proto.int(2, onnxDtype[tensor.dtype]).string(8, tensor.name);
    const entries: Record<string, string> = {
      location: tensor.location,
      offset: String(tensor.offsetBytes),
      length: String(tensor.lengthBytes),
    };
    for (const [index, { key, parts }] of (tensor.prepacked ?? []).entries()) {
      const ranges = parts.map(({ startByte, endByte }) => `${startByte};${endByte - startByte};0`);
      entries[`prepacked_${index}`] = [key, ...ranges].join("|");
    }
    for (const [key, value] of Object.entries(entries)) {
      proto.message(13, new ProtobufWriter().string(1, key).string(2, value));
    }
    proto.int(14, external);
    this.#initializers.set(tensor.name, proto);
    this.#externalTensors.add(tensor.name);
    return tensor.name;
  }

  /** What determines the order in which the runtime keeps each weight: the operators that take it, and how. */
  weightUses(): readonly unknown[] {
    return this.#usesIn(this.#nodes);
  }

  #usesIn(nodes: readonly OnnxNode[]): readonly unknown[] {
    return nodes.flatMap(({ op, domain, inputs, attributes = {} }) => {
      const weights = inputs.map((name) => (this.#externalTensors.has(name) ? name : ""));
      const own = weights.some((name) => name !== "") ? [[op, domain, weights, attributes]] : [];
      const branches = Object.values(attributes).flatMap((value) =>
        typeof value === "object" && "graph" in value ? this.#usesIn(value.graph.nodes) : [],
      );
      return [...own, ...branches];
    });
  }

  /** Encodes the model; the weights are external. */
  toModel(): Uint8Array {
    const graph = new ProtobufWriter();
    for (const node of this.#nodes) graph.message(1, writeNode(node));
    graph.string(2, "decoder");
    for (const initializer of this.#initializers.values()) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, writeValueInfo(input));
    for (const output of this.#outputs) graph.message(12, writeValueInfo(output));
    return new ProtobufWriter()
      .int(1, irVersion)
      .string(2, "infernode")
      .message(7, graph)
      .message(8, new ProtobufWriter().string(1, "").int(2, opsetVersion))
      .message(8, new ProtobufWriter().string(1, "com.microsoft").int(2, contribVersion))
      .finish();
  }
}

function writeNode(node: OnnxNode): ProtobufWriter {
  const proto = new ProtobufWriter();
  for (const input of node.inputs) proto.string(1, input);
  for (const output of node.outputs) proto.string(2, output);
  proto.string(3, node.outputs[0] ?? node.op).string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    const attribute = new ProtobufWriter().string(1, name);
    if (typeof value === "number") attribute.int(3, value).int(20, attributeInt);
    else if (typeof value === "string") attribute.string(4, value).int(20, attributeString);
    else if ("graph" in value) attribute.message(6, writeSubgraph(value.graph)).int(20, attributeGraph);
    else attribute.float(2, value.float).int(20, attributeFloat);
    proto.message(5, attribute);
  }
  if (node.domain !== undefined) proto.string(7, node.domain);
  return proto;
}

function writeSubgraph({ nodes, outputs }: OnnxSubgraph): ProtobufWriter {
  const graph = new ProtobufWriter();
  for (const node of nodes) graph.message(1, writeNode(node));
  graph.string(2, "branch");
  for (const output of outputs) graph.message(12, writeValueInfo(output));
  return graph;
}

function writeValueInfo(info: OnnxValueInfo): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const size of info.shape) {
    const dimension = new ProtobufWriter();
    if (typeof size === "number") dimension.int(1, size);
    else dimension.string(2, size);
    shape.message(1, dimension);
  }
  const tensor = new ProtobufWriter().int(1, onnxDtype[info.dtype]).message(2, shape);
  return new ProtobufWriter().string(1, info.name).message(2, new ProtobufWriter().message(1, tensor));
}
