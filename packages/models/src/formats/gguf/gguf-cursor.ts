import { ModelError } from "../../errors.ts";
import { readFully, type NamedFile } from "../../files/read-file.ts";

/** More than ten times that of the largest vocabulary known. */
const maxHeaderBytes = 128 * 2 ** 20;
const windowBytes = 2 ** 20;

/**
 * Reads the header of a GGUF file from its start, a window at a time. `fill` makes bytes available; the other methods
 * read what is. Nothing is allocated for a length that the file contradicts.
 */
export class GgufCursor {
  readonly file: NamedFile;
  #window: Buffer = Buffer.alloc(0);
  /** Where the window starts in the file, and the cursor in the window. */
  #start = 0;
  #at = 0;

  constructor(file: NamedFile) {
    this.file = file;
  }

  /** The byte of the file that is read next. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Whether bytes are available without `fill`. */
  has(bytes: number): boolean {
    return this.#window.length - this.#at >= bytes;
  }

  /** Makes bytes available. @throws ModelError `GGUF_TRUNCATED`, `GGUF_HEADER_TOO_LARGE` */
  async fill(bytes: number): Promise<void> {
    this.assertInside(bytes);
    const start = this.position;
    const size = Math.min(Math.max(bytes, windowBytes), this.file.file.sizeBytes - start);
    const window = Buffer.allocUnsafe(size);
    await readFully(this.file, window, start);
    this.#window = window;
    this.#start = start;
    this.#at = 0;
  }

  /** Checks that as many bytes can follow. @throws ModelError `GGUF_TRUNCATED`, `GGUF_HEADER_TOO_LARGE` */
  assertInside(bytes: number): void {
    const end = this.position + bytes;
    const { path, file } = this.file;
    if (end > file.sizeBytes) {
      const expected = `${Number.isSafeInteger(end) ? end : "2^53 or more"} bytes for the header alone`;
      const mismatch = { expected, got: `a file of ${file.sizeBytes}` };
      throw new ModelError("GGUF_TRUNCATED", mismatch, { file: path });
    }
    if (end > maxHeaderBytes) {
      const mismatch = { expected: `a header of at most ${maxHeaderBytes} bytes`, got: "a longer one" };
      throw new ModelError("GGUF_HEADER_TOO_LARGE", mismatch, { file: path });
    }
  }

  /** Passes over bytes without reading them. @throws as `assertInside` */
  skip(bytes: number): void {
    this.assertInside(bytes);
    if (this.has(bytes)) {
      this.#at += bytes;
      return;
    }
    this.#start = this.position + bytes;
    this.#window = Buffer.alloc(0);
    this.#at = 0;
  }

  /** The next bytes, as a view that holds until `fill`. */
  view(bytes: number): DataView {
    const { buffer, byteOffset } = this.#window;
    const view = new DataView(buffer, byteOffset + this.#at, bytes);
    this.#at += bytes;
    return view;
  }

  u32(): number {
    const value = this.#window.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A 64-bit integer; `Infinity` above 2^53, which no length of a file reaches. */
  u64(): number {
    const low = this.#window.readUInt32LE(this.#at);
    const high = this.#window.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high < 2 ** 21 ? high * 2 ** 32 + low : Infinity;
  }

  /** A text of so many bytes; `undefined` where they are no UTF-8. */
  text(bytes: number): string | undefined {
    const part = this.#window.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    const text = part.toString("utf8");
    return text.includes("\uFFFD") && Buffer.compare(Buffer.from(text), part) !== 0 ? undefined : text;
  }
}
