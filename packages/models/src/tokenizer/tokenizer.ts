/** Text to token ids and back. */
export interface Tokenizer {
  /** Ids that `encode` may produce are below this. Includes added tokens. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly specialTokenIds: ReadonlySet<number>;
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  decode(tokenIds: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /**
   * What `decode` writes of a token between others; `undefined` where it depends on them, as for a part of a character, and
   * for special tokens.
   */
  textBehind(tokenId: number): string | undefined;
  /** A token as the vocabulary has it (`Ġthe`, `▁the`, `<0x0A>`), or `undefined`. */
  tokenOf(tokenId: number): string | undefined;
  idOf(token: string): number | undefined;
  /**
   * The bytes of a token, for logprobs and for joining partial characters;
   * empty for special tokens.
   */
  bytesOf(tokenId: number): Uint8Array;
}

/** A tokenizer and the type of its model. */
export interface LoadedTokenizer extends Tokenizer {
  readonly modelType: "BPE" | "Unigram";
}

/** Settings of a tokenizer beside its vocabulary: `tokenizer_config.json` and the older `special_tokens_map.json`. */
export interface TokenizerSettings {
  /** Special tokens by name, such as `bos_token`. */
  readonly specialTokens: ReadonlyMap<string, string>;
  readonly additionalSpecialTokens: readonly string[];
  /** `undefined` where `tokenizer.json` decides. */
  readonly addsSpecialTokens: { readonly bos: boolean; readonly eos: boolean } | undefined;
  /** `added_tokens_decoder`: tokens with their ids, unchecked. */
  readonly addedTokens: readonly unknown[];
  /** `chat_template`, unchecked. */
  readonly chatTemplate: unknown;
}
