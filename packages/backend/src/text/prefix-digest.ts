import { mixHash } from "./hash-text.ts";

/** 512 characters in base64url, which is as long as a value of a registration may be. */
const byteCount = 384;
const bitCount = byteCount * 8;
const hashCount = 4;

/** Of so many hashes, about one in a hundred others is taken for one of them. */
export const maxDigestHashes = 300;

/** Hashes as a registration has them: a Bloom filter. */
export interface PrefixDigest {
  /** Always true of a hash that was written, seldom of another. */
  has(hash: number): boolean;
}

/** The bits of a hash. @see https://doi.org/10.1002/rsa.20208 for two hashes that serve as many */
function bitsOf(hash: number): readonly number[] {
  const step = (mixHash(hash ^ 0x9e3779b9) | 1) >>> 0;
  return Array.from({ length: hashCount }, (_, index) => (hash + index * step) % bitCount);
}

/** Writes 32-bit hashes as base64url. */
export function writePrefixDigest(hashes: Iterable<number>): string {
  const bytes = Buffer.alloc(byteCount);
  for (const hash of hashes) {
    for (const bit of bitsOf(hash)) bytes[bit >>> 3]! |= 1 << (bit & 7);
  }
  return bytes.toString("base64url");
}

/** Reads what `writePrefixDigest` wrote; `undefined` for a text of another length. */
export function readPrefixDigest(text: string): PrefixDigest | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== byteCount) return undefined;
  return { has: (hash) => bitsOf(hash).every((bit) => (bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0) };
}
