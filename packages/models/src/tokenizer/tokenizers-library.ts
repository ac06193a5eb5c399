import * as library from "@huggingface/tokenizers";

import type { BpeMerger } from "./bpe-merger.ts";

/** A normalizer as the library calls it. */
export type LibraryNormalizer = (text: string) => string;

/** A normalizer as the library creates it: one step, or a sequence of steps. */
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

/** The part of the library's tokenizer that is used here. */
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
 * The tokenizer library with types. Its own declarations import without file extensions and
 * do not resolve under `nodenext`; this file declares the types that are used.
 */
export const tokenizers: TokenizersLibrary = library;
