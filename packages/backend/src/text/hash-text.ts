const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** Continues a hash (FNV-1a over UTF-16 units, 32 bits, not yet mixed) from the start of a text to its end. */
export function continueHash(hash: number, text: string, end: number = text.length): number {
  let value = hash;
  for (let at = 0; at < end; at += 1) value = Math.imul(value ^ text.charCodeAt(at), prime);
  return value;
}

/** The hash of an empty text. */
export const emptyHash: number = offsetBasis;

/**
 * Mixes the bits of a 32-bit hash; the result is an unsigned integer.
 * @see https://github.com/aappleby/smhasher/wiki/MurmurHash3 for `fmix32`
 */
export function mixHash(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Hashes a text to an unsigned 32-bit integer. Equal on all machines; not for secrets. */
export function hashText(text: string): number {
  return mixHash(continueHash(emptyHash, text));
}
