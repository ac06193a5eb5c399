/**
 * The printable characters that byte-level tokenizers use for bytes: Latin-1's printable bytes as
 * themselves, all others in order from U+0100 on.
 *
 * @see GPT-2, `encoder.py` (`bytes_to_unicode`)
 */
const charToByte: ReadonlyMap<string, number> = createAlphabet();

function createAlphabet(): Map<string, number> {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  const alphabet = new Map<string, number>();
  let shifted = 0x100;
  for (let byte = 0; byte < 256; byte += 1) {
    if (isPrintable(byte)) {
      alphabet.set(String.fromCharCode(byte), byte);
    } else {
      alphabet.set(String.fromCharCode(shifted), byte);
      shifted += 1;
    }
  }
  return alphabet;
}

/** Decodes a byte-level token to bytes; a token with a character outside the alphabet to its UTF-8. */
export function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let at = 0; at < token.length; at += 1) {
    const byte = charToByte.get(token.charAt(at));
    if (byte === undefined) {
      return new TextEncoder().encode(token);
    }
    bytes[at] = byte;
  }
  return bytes;
}

/** Reads a byte-fallback token, `<0x0A>`; `undefined` for any other. */
export function fallbackByte(token: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
