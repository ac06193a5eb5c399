/** Numbers of `TensorProto.DataType`. */
const dtypes = { float32: 1, uint8: 2, int32: 6, int64: 7 } as const;

export type OnnxDtype = keyof typeof dtypes;

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** `com.microsoft`, or the default domain. */
  readonly isContrib?: boolean;
  /** A number is an integer. */
  readonly attributes?: Readonly<Record<string, number | { readonly float: number }>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly (number | string)[];
}

/** A tensor in a file next to the model, or with its integers. */
export type OnnxTensor = Pick<OnnxValue, "name" | "dtype"> & { readonly shape: readonly number[] } & (
    | { readonly location: string; readonly offset: number; readonly length: number }
    | { readonly integers: readonly number[] }
  );

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly tensors: readonly OnnxTensor[];
}

/** Encodes a model in the wire format of protocol buffers. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export function encodeOnnx({ nodes, inputs, outputs, tensors }: OnnxModel): Uint8Array {
  const graph = message(
    ...nodes.map((node) => bytes(1, encodeNode(node))),
    bytes(2, "decoder"),
    ...tensors.map((tensor) => bytes(5, encodeTensor(tensor))),
    ...inputs.map((value) => bytes(11, encodeValue(value))),
    ...outputs.map((value) => bytes(12, encodeValue(value))),
  );
  const opset = (domain: string, version: number): Buffer => message(bytes(1, domain), integer(2, version));
  return message(
    integer(1, 10),
    bytes(7, graph),
    bytes(8, opset("", 21)),
    bytes(8, opset("com.microsoft", 1)),
  );
}

function encodeNode({ op, inputs, outputs, isContrib = false, attributes = {} }: OnnxNode): Buffer {
  const encoded = Object.entries(attributes).map(([name, value]) =>
    typeof value === "number"
      ? message(bytes(1, name), integer(3, value), integer(20, 2))
      : message(bytes(1, name), float(2, value.float), integer(20, 1)),
  );
  return message(
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(3, outputs[0] ?? op),
    bytes(4, op),
    ...encoded.map((attribute) => bytes(5, attribute)),
    ...(isContrib ? [bytes(7, "com.microsoft")] : []),
  );
}

function encodeTensor(tensor: OnnxTensor): Buffer {
  const { name, dtype, shape } = tensor;
  const head = [...shape.map((size) => integer(1, size)), integer(2, dtypes[dtype]), bytes(8, name)];
  if ("integers" in tensor) {
    const data = new BigInt64Array(tensor.integers.map(BigInt));
    return message(...head, bytes(9, Buffer.from(data.buffer)));
  }
  const { location, offset, length } = tensor;
  const entries = Object.entries({ location, offset: String(offset), length: String(length) });
  const external = entries.map(([key, value]) => bytes(13, message(bytes(1, key), bytes(2, value))));
  return message(...head, ...external, integer(14, 1));
}

function encodeValue({ name, dtype, shape }: OnnxValue): Buffer {
  const dimensions = shape.map((size) =>
    bytes(1, typeof size === "number" ? integer(1, size) : bytes(2, size)),
  );
  const tensor = message(integer(1, dtypes[dtype]), bytes(2, message(...dimensions)));
  return message(bytes(1, name), bytes(2, message(bytes(1, tensor))));
}

function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function float(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer)]);
}

function bytes(field: number, value: string | Buffer): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const encoded: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    encoded.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Buffer.from(encoded);
}
