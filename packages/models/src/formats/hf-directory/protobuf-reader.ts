import { ShapeError } from "../../files/json-shape.ts";

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const maxVarintBytes = 10;

/**
 * Reads the fields of a protobuf message in order: `next` says which one follows, and one of the other methods takes
 * its value. Nothing is read beyond the bytes that were given.
 *
 * @see https://protobuf.dev/programming-guides/encoding
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #wire = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The number of the next field, or `undefined` at the end. @throws ShapeError */
  next(): number | undefined {
    if (this.#at === this.#bytes.length) return undefined;
    const tag = this.#varint();
    this.#wire = tag % 8;
    return Math.floor(tag / 8);
  }

  /** An integer of 32 bits, with its sign. */
  integer(): number {
    this.#expect(wire.varint, "an integer");
    return this.#varint() | 0;
  }

  float(): number {
    this.#expect(wire.fixed32, "a float");
    return this.#view.getFloat32(this.#take(4), true);
  }

  text(): string {
    const bytes = this.#lengthDelimited("a text");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new ShapeError("", "UTF-8", "other bytes");
    }
  }

  message(): ProtobufReader {
    return new ProtobufReader(this.#lengthDelimited("a message"));
  }

  /** An integer, the length of bytes, or `undefined` for another value, which is skipped. */
  integerOrLength(): number | undefined {
    if (this.#wire === wire.varint) return this.integer();
    if (this.#wire === wire.bytes) return this.#lengthDelimited("bytes").length;
    this.skip();
    return undefined;
  }

  skip(): void {
    if (this.#wire === wire.varint) this.#varint();
    else if (this.#wire === wire.bytes) this.#lengthDelimited("bytes");
    else if (this.#wire === wire.fixed32) this.#take(4);
    else if (this.#wire === wire.fixed64) this.#take(8);
    else throw new ShapeError("", "a protobuf message", `wire type ${this.#wire}`);
  }

  #lengthDelimited(expected: string): Uint8Array {
    this.#expect(wire.bytes, expected);
    const length = this.#varint();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #expect(type: number, expected: string): void {
    if (this.#wire !== type) throw new ShapeError("", expected, `wire type ${this.#wire}`);
  }

  /** The start of the next bytes. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) {
      throw new ShapeError("", `${length} bytes`, `${this.#bytes.length - start} at the end of a message`);
    }
    this.#at += length;
    return start;
  }

  #varint(): number {
    let value = 0;
    for (let index = 0; index < maxVarintBytes; index += 1) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value += (byte % 128) * 2 ** (7 * index);
      if (byte < 128) return value;
    }
    throw new ShapeError("", `an integer of at most ${maxVarintBytes} bytes`, "a longer one");
  }
}
