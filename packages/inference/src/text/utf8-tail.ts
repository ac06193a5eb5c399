/** Keeps the last bytes of a text, to decide whether its last character is incomplete. */
export class Utf8Tail {
  // The last three bytes, oldest first; −1 for none.
  #first = -1;
  #second = -1;
  #third = -1;

  push(bytes: Uint8Array): void {
    for (let i = Math.max(0, bytes.length - 3); i < bytes.length; i += 1) {
      this.#first = this.#second;
      this.#second = this.#third;
      this.#third = bytes[i]!;
    }
  }

  reset(): void {
    this.#first = this.#second = this.#third = -1;
  }

  /** Whether the last bytes are the start of a character that is not complete. */
  isIncomplete(): boolean {
    if (lengthFrom(this.#third) > 1) return true;
    if (!isContinuation(this.#third)) return false;
    if (lengthFrom(this.#second) > 2) return isSecondByte(this.#second, this.#third);
    if (!isContinuation(this.#second)) return false;
    return lengthFrom(this.#first) > 3 && isSecondByte(this.#first, this.#second);
  }
}

/** The length of a character that starts with a byte; 0 for a byte that starts none. */
function lengthFrom(byte: number): number {
  if (byte >= 0xf0) return byte <= 0xf4 ? 4 : 0;
  if (byte >= 0xe0) return 3;
  if (byte >= 0xc2) return 2;
  return byte >= 0 && byte < 0x80 ? 1 : 0;
}

/** Whether a byte cannot start a character. */
export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80 && byte >= 0;
}

/** The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF. */
function isSecondByte(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return isContinuation(byte);
}
