import { invalidRequest, type ApiError } from "../api-error.ts";

/** Bounds of a JSON body. Reading one that is within them takes milliseconds, not seconds. */
export const jsonLimits = {
  /** What reads bodies further on may be recursive. */
  depth: 64,
  /** Arrays, objects and keys. */
  parts: 40_000,
  /** Elements of all arrays and entries of all objects. */
  elements: 1_000_000,
} as const;

/** Looks at JSON texts before they are parsed; what it counts adds up over all of its texts. */
export interface JsonSizeCheck {
  /**
   * @param subject how a message begins: "The JSON body"
   * @param param the field that holds the text
   * @throws ApiError 400
   */
  assert(bytes: Buffer, subject: string, param?: string): void;
}

const quote = 0x22;
const backslash = 0x5c;

/** The place after the string that starts here. */
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

/** Counts brackets and commas; stops where the depth is over its limit. */
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

/** Creates a check of one body, or of all JSON texts inside of one. */
export function createJsonSizeCheck(): JsonSizeCheck {
  let parts = 0;
  let elements = 0;
  return {
    assert(bytes, subject, param) {
      const size = measure(bytes);
      const fail = (message: string): ApiError =>
        invalidRequest(`${subject} must ${message}`, { code: "invalid_json", param });
      if (size.depth > jsonLimits.depth) throw fail(`not be nested deeper than ${jsonLimits.depth} levels`);
      parts += size.parts;
      elements += size.elements;
      if (parts > jsonLimits.parts) {
        throw fail(`have at most ${jsonLimits.parts} arrays, objects and keys; found ${parts}`);
      }
      if (elements > jsonLimits.elements) {
        throw fail(`have at most ${jsonLimits.elements} elements; found ${elements}`);
      }
    },
  };
}

/**
 * Looks at the brackets and commas of a JSON body before it is parsed: parsing a body that is small in bytes
 * and large in parts would hold up everybody else.
 * @throws ApiError 400
 */
export function assertJsonSize(bytes: Buffer): void {
  createJsonSizeCheck().assert(bytes, "The JSON body");
}
