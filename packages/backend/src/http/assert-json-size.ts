import { invalidRequest, type ApiError } from "../openai/api-error.ts";

/** Bounds of a JSON body. Reading one that is within them takes milliseconds, not seconds. */
export const jsonLimits = {
  /** What reads bodies further on may be recursive. */
  depth: 64,
  /** Arrays, objects and keys. */
  parts: 40_000,
  /** Elements of all arrays and entries of all objects. */
  elements: 1_000_000,
} as const;

const quote = 0x22;
const backslash = 0x5c;

/** The place after the string that starts here. */
function skipString(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at >= 0; at = bytes.indexOf(quote, at + 1)) {
    let before = at - 1;
    while (bytes[before] === backslash) before--;
    if ((at - before) % 2 === 1) return at + 1;
  }
  return bytes.length;
}

function tooLarge(message: string): ApiError {
  return invalidRequest(message, { code: "invalid_json" });
}

/**
 * Looks at the brackets and commas of a JSON text before it is parsed: parsing a body that is small in bytes
 * and large in parts would hold up everybody else.
 * @throws ApiError 400
 */
export function assertJsonSize(bytes: Buffer): void {
  const { depth: maxDepth, parts: maxParts, elements: maxElements } = jsonLimits;
  let depth = 0;
  let partCount = 0;
  let elementCount = 1;
  for (let at = 0; at < bytes.length;) {
    switch (bytes[at] ?? 0) {
      case quote:
        at = skipString(bytes, at);
        continue;
      case 0x5b: // [
      case 0x7b: // {
        partCount++;
        depth++;
        if (depth > maxDepth)
          throw tooLarge(`The JSON body must not be nested deeper than ${maxDepth} levels`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x3a: // :
        partCount++;
        break;
      case 0x2c: // ,
        elementCount++;
        break;
      default:
    }
    at++;
  }
  if (partCount > maxParts) {
    throw tooLarge(
      `The JSON body must have at most ${maxParts} arrays, objects and keys; found ${partCount}`,
    );
  }
  if (elementCount > maxElements) {
    throw tooLarge(`The JSON body must have at most ${maxElements} elements; found ${elementCount}`);
  }
}
