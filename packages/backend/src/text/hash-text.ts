const prime = 0x01000193;

/** The hash of nothing, to be continued. */
export const emptyHash = 0x811c9dc5;

/** Continues a hash (FNV-1a, 32 bits, not yet mixed) with bytes. */
export function continueHashBytes(
  hash: number,
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  let value = hash;
  for (let at = start; at < end; at += 1) value = Math.imul(value ^ (bytes[at] ?? 0), prime);
  return value;
}

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
  let value = emptyHash;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), prime);
  return mixHash(value);
}
