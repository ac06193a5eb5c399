import { invalidJson } from "../api-error.ts";

/** Limits of a JSON body. Reading one within them takes milliseconds, not seconds. */
export const jsonLimits = {
  /** Code that reads bodies may be recursive. */
  depth: 64,
  /** Arrays, objects and keys. */
  parts: 40_000,
  /** Elements of all arrays and entries of all objects. */
  elements: 1_000_000,
} as const;

/** Checks JSON texts before they are parsed; the limits hold for all of its texts together. */
export interface JsonSizeCheck {
  /**
   * @param param the field that holds the text; absent for the body
   * @throws ApiError 400
   */
  assert(bytes: Buffer, param?: string): void;
}

const quote = 0x22;
const backslash = 0x5c;

/** The position after the string that starts here. */
function skipJsonString(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at >= 0; at = bytes.indexOf(quote, at + 1)) {
    let before = at - 1;
    while (bytes[before] === backslash) before -= 1;
    if ((at - before) % 2 === 1) return at + 1;
  }
  return bytes.length;
}

interface JsonSize {
  readonly depth: number;
  readonly parts: number;
  readonly elements: number;
}

/** Counts brackets and commas; stops where the depth exceeds its limit. */
function measure(bytes: Buffer): JsonSize {
  let depth = 0;
  let parts = 0;
  let elements = 1;
  for (let at = 0; at < bytes.length;) {
    switch (bytes[at] ?? 0) {
      case quote:
        at = skipJsonString(bytes, at);
        continue;
      case 0x5b: // [
      case 0x7b: // {
        parts += 1;
        depth += 1;
        if (depth > jsonLimits.depth) return { depth, parts, elements };
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x3a: // :
        parts += 1;
        break;
      case 0x2c: // ,
        elements += 1;
        break;
      default:
    }
    at += 1;
  }
  return { depth, parts, elements };
}

/** Creates a check of one body, or of all JSON texts within one. */
export function createJsonSizeCheck(): JsonSizeCheck {
  let parts = 0;
  let elements = 0;
  return {
    assert(bytes, param) {
      const size = measure(bytes);
      if (size.depth > jsonLimits.depth) {
        throw invalidJson(`JSON of at most ${jsonLimits.depth} levels`, "more", param);
      }
      parts += size.parts;
      elements += size.elements;
      if (parts > jsonLimits.parts) {
        throw invalidJson(`at most ${jsonLimits.parts} arrays, objects and keys`, String(parts), param);
      }
      if (elements > jsonLimits.elements) {
        throw invalidJson(`at most ${jsonLimits.elements} elements`, String(elements), param);
      }
    },
  };
}

/**
 * Counts the brackets and commas of a JSON body before it is parsed: parsing a body of few bytes and many parts
 * would block the event loop.
 * @throws ApiError 400
 */
export function assertJsonSize(bytes: Buffer): void {
  createJsonSizeCheck().assert(bytes);
}
