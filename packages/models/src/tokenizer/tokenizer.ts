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
