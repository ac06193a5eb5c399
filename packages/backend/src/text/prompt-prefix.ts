import { continueHashBytes, emptyHash, hashText, mixHash } from "./hash-text.ts";

/** Beginnings of a prompt that are hashed, in bytes: about 64 to 4096 tokens. */
export const prefixLengths: readonly number[] = [256, 512, 1024, 2048, 4096, 8192, 16_384];

/**
 * Hashes the beginnings of a prompt, the longest last. Its parts are the bytes of the request's fields, in the order
 * in which chat templates write them: no tokenizer is needed, and no part is parsed. Prompts of one client that begin
 * alike have the same first hashes, whatever follows.
 */
export function hashPrefixes(parts: Iterable<Uint8Array>): readonly number[] {
  const prefixes: number[] = [];
  let hash = emptyHash;
  let hashed = 0;
  for (const part of parts) {
    for (let start = 0; start < part.length;) {
      const next = prefixLengths[prefixes.length];
      if (next === undefined) return prefixes;
      const end = Math.min(part.length, start + next - hashed);
      hash = continueHashBytes(hash, part, { start, end });
      hashed += end - start;
      start = end;
      if (hashed === next) prefixes.push(mixHash(hash));
    }
  }
  return prefixes;
}

/** The hashes of beginnings that one name of a model was sent: what it has cached is not what others have. */
export function prefixesOfModel(model: string, prefixes: readonly number[]): readonly number[] {
  const scope = hashText(model);
  return prefixes.map((prefix) => mixHash(prefix ^ scope));
}
