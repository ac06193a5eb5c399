export interface TestTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Writes a file from a header text and its data, with no checks. */
export function rawSafetensors(header: string | Uint8Array, data: Uint8Array | number = 0): Uint8Array {
  const head = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + head.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  file.set(body, 8 + head.length);
  return file;
}

/** Writes a correct file. */
export function writeSafetensors(tensors: Readonly<Record<string, TestTensor>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const body = new Uint8Array(at);
  at = 0;
  for (const { data } of Object.values(tensors)) {
    body.set(data, at);
    at += data.length;
  }
  return rawSafetensors(JSON.stringify(header), body);
}

/** A tensor of zeros. */
export function zeros(dtype: "F32" | "F16" | "BF16" | "I64", shape: readonly number[]): TestTensor {
  const sizeBytes = dtype === "F32" ? 4 : dtype === "I64" ? 8 : 2;
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  return { dtype, shape, data: new Uint8Array(count * sizeBytes) };
}
