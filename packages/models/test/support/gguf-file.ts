/** A value of metadata with the number of its type. */
export interface MetadataValue {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A tensor as the file has it. */
export interface GgufTensorData {
  /** The outermost dimension first. */
  readonly shape: readonly number[];
  /** The number of the type. */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface GgufContent {
  readonly version?: number;
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  readonly tensors: Readonly<Record<string, GgufTensorData>>;
}

const alignment = 32;

function numberBytes(sizeBytes: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  write(new DataView(bytes.buffer));
  return bytes;
}

export function u32Bytes(value: number): Uint8Array {
  return numberBytes(4, (view) => view.setUint32(0, value, true));
}

export function u64Bytes(value: bigint | number): Uint8Array {
  return numberBytes(8, (view) => view.setBigUint64(0, BigInt(value), true));
}

export function textBytes(value: string): Uint8Array {
  const text = new TextEncoder().encode(value);
  return Buffer.concat([u64Bytes(text.length), text]);
}

export const u16 = (value: number): MetadataValue => ({
  type: 2,
  bytes: numberBytes(2, (view) => view.setUint16(0, value, true)),
});
export const u32 = (value: number): MetadataValue => ({ type: 4, bytes: u32Bytes(value) });
export const i32 = (value: number): MetadataValue => ({
  type: 5,
  bytes: numberBytes(4, (view) => view.setInt32(0, value, true)),
});
export const f32 = (value: number): MetadataValue => ({
  type: 6,
  bytes: numberBytes(4, (view) => view.setFloat32(0, value, true)),
});
export const flag = (value: boolean): MetadataValue => ({ type: 7, bytes: Uint8Array.of(value ? 1 : 0) });
export const text = (value: string): MetadataValue => ({ type: 8, bytes: textBytes(value) });

/** An array of values of one type. */
export function arrayOf(type: number, values: readonly Uint8Array[]): MetadataValue {
  return { type: 9, bytes: Buffer.concat([u32Bytes(type), u64Bytes(values.length), ...values]) };
}

export const texts = (values: readonly string[]): MetadataValue => arrayOf(8, values.map(textBytes));
export const i32s = (values: readonly number[]): MetadataValue =>
  arrayOf(
    5,
    values.map((value) => i32(value).bytes),
  );
export const f32s = (values: readonly number[]): MetadataValue =>
  arrayOf(
    6,
    values.map((value) => f32(value).bytes),
  );
export const flags = (values: readonly boolean[]): MetadataValue =>
  arrayOf(
    7,
    values.map((value) => flag(value).bytes),
  );

function padded(bytes: Uint8Array): Uint8Array {
  const length = Math.ceil(bytes.length / alignment) * alignment;
  return Buffer.concat([bytes], length);
}

/** The bytes of a GGUF file, by the specification. */
export function encodeGguf({ version = 3, metadata, tensors }: GgufContent): Uint8Array {
  const pairs = Object.entries(metadata).flatMap(([key, { type, bytes }]) => [
    textBytes(key),
    u32Bytes(type),
    bytes,
  ]);
  const infos: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    infos.push(
      textBytes(name),
      u32Bytes(tensor.shape.length),
      ...tensor.shape.toReversed().map(u64Bytes),
      u32Bytes(tensor.type),
      u64Bytes(offset),
    );
    const block = padded(tensor.data);
    data.push(block);
    offset += block.length;
  }
  const counts = [u64Bytes(Object.keys(tensors).length), u64Bytes(Object.keys(metadata).length)];
  const header = [new TextEncoder().encode("GGUF"), u32Bytes(version), ...counts, ...pairs, ...infos];
  return Buffer.concat([padded(Buffer.concat(header)), ...data]);
}
