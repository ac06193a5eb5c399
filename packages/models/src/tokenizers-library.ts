import * as library from "@huggingface/tokenizers";

/** What is used of the library's tokenizer. */
export interface LibraryTokenizer {
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
