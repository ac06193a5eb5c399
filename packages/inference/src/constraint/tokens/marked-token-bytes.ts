/** No text has this byte in UTF-8: of a tree's tokens only marked ones may have it. */
export const markByte = 0xff;

const encoder = new TextEncoder();

/**
 * The bytes by which a tree of tokens has a token that is written only where a source asks for it by its spelling: no
 * text has them.
 */
export function markedTokenBytes(spelling: string): Uint8Array {
  return Uint8Array.of(markByte, ...encoder.encode(spelling));
}
