/**
 * Writes the part of the protocol buffers wire format that ONNX models need.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  /** Most messages are short, and there are thousands, of which each experts' matrix has several. From Node's pool. */
  #bytes: Buffer = Buffer.allocUnsafe(192);
  #length = 0;

  /** Writes an `int32`, `int64` or enum field; negative numbers take ten bytes. */
  int(field: number, value: number): this {
    this.#tag(field, 0);
    if (value < 0) this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
    else this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#reserve(4);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
    return this;
  }

  string(field: number, value: string): this {
    const byteCount = Buffer.byteLength(value);
    this.#tag(field, 2);
    this.#varint(byteCount);
    this.#reserve(byteCount);
    this.#length += this.#bytes.write(value, this.#length);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  /** Returns a view of what was written, valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length] = (rest % 128) + 128;
      this.#length += 1;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
  }

  #bigVarint(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 128n) {
      this.#bytes[this.#length] = Number(rest % 128n) + 128;
      this.#length += 1;
      rest /= 128n;
    }
    this.#bytes[this.#length] = Number(rest);
    this.#length += 1;
  }

  #reserve(byteCount: number): void {
    const neededBytes = this.#length + byteCount;
    if (neededBytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(neededBytes, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
