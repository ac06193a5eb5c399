import * as library from "@huggingface/tokenizers";

import type { BpeMerger } from "./bpe-merger.ts";

/** As the library calls it. */
export type LibraryNormalizer = (text: string) => string;

/** As the library makes it: one step, or several of them in a row. */
export interface LibraryNormalizerStep extends LibraryNormalizer {
  normalize(text: string): string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Of a `Replace`. */
  readonly pattern?: RegExp | null;
  /** Of a `Sequence`. */
  readonly normalizers?: readonly (LibraryNormalizerStep | null)[];
}

/** The vocabulary's model; its steps may be replaced. */
export interface LibraryModel {
  bpe?: BpeMerger;
  encode(words: readonly string[]): string[];
  /** Unigram's. */
  tokenize(word: string): string[];
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id: number | undefined;
  fuse_unk: boolean;
  readonly byte_fallback?: boolean;
}

/** What is used of the library's tokenizer. */
export interface LibraryTokenizer {
  readonly model: LibraryModel | null;
  /** `null` where the file has none; may be replaced by another function. */
  normalizer: LibraryNormalizerStep | LibraryNormalizer | null;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
}

interface TokenizersLibrary {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer;
}

/**
 * The tokenizer library with types. Its own declarations import without file extensions, so that under
 * `nodenext` they resolve to nothing; this is the one place that says what they mean.
 */
export const tokenizers: TokenizersLibrary = library;
