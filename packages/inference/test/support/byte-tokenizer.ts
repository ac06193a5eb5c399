import type { TokenDecoderPort } from "../../src/index.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const wholeUtf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** A byte-level vocabulary: each token stands for some bytes; special tokens come after them. */
export function createByteTokenizer(
  pieces: readonly Uint8Array[],
  specials: readonly string[] = [],
): TokenDecoderPort & { readonly decodedTokenCount: number } {
  let decodedTokenCount = 0;
  const bytesOf = (tokenId: number): Uint8Array => pieces[tokenId] ?? new Uint8Array();
  const written = (tokenId: number, skipSpecialTokens: boolean): Uint8Array => {
    const special = specials[tokenId - pieces.length];
    if (special === undefined) return bytesOf(tokenId);
    return skipSpecialTokens ? new Uint8Array() : new TextEncoder().encode(special);
  };
  return {
    vocabSize: pieces.length + specials.length,
    bytesOf,
    textBehind: (tokenId) => {
      const bytes = pieces[tokenId];
      try {
        return bytes && wholeUtf8.decode(bytes);
      } catch {
        return undefined;
      }
    },
    tokenOf: (tokenId) => specials[tokenId - pieces.length] ?? utf8.decode(bytesOf(tokenId)),
    decode: (tokenIds, options) => {
      decodedTokenCount += tokenIds.length;
      const skip = options?.skipSpecialTokens ?? false;
      return utf8.decode(Buffer.concat(tokenIds.map((tokenId) => written(tokenId, skip))));
    },
    get decodedTokenCount() {
      return decodedTokenCount;
    },
  };
}

/** One token for each of the 256 bytes. */
export function createPlainByteTokenizer(specials: readonly string[] = []): TokenDecoderPort {
  return createByteTokenizer(
    Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    specials,
  );
}
