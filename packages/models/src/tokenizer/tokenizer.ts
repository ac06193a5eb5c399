/** Text to token ids and back. */
export interface Tokenizer {
  /** Ids that `encode` may produce are below this. Includes added tokens. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly specialTokenIds: ReadonlySet<number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  decode(tokenIds: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The vocabulary's own spelling of a token (`Ġthe`, `▁the`, `<0x0A>`), or `undefined`. */
  tokenOf(tokenId: number): string | undefined;
  idOf(token: string): number | undefined;
  /**
   * The bytes that a token stands for, for logprobs and for joining partial characters;
   * empty for special tokens.
   */
  bytesOf(tokenId: number): Uint8Array;
}

/** A tokenizer with the kind of model that its file describes. */
export interface LoadedTokenizer extends Tokenizer {
  readonly modelType: "BPE" | "Unigram";
}

/** What `tokenizer_config.json` (and the older `special_tokens_map.json`) say beside the vocabulary. */
export interface TokenizerSettings {
  /** Named special tokens, such as `bos_token`, to their spelling. */
  readonly specialTokens: ReadonlyMap<string, string>;
  readonly moreSpecialTokens: readonly string[];
  /** `undefined` where the file leaves the matter to `tokenizer.json`. */
  readonly addsTokens: { readonly bos: boolean; readonly eos: boolean } | undefined;
  /** `added_tokens_decoder`: tokens with their ids, unchecked. */
  readonly addedTokens: readonly unknown[];
  /** `chat_template`, unchecked. */
  readonly chatTemplate: unknown;
}
