import { sentencePieceMerges } from "./sentence-piece-merges.ts";

/** A SentencePiece vocabulary of BPE with a token for every byte. */
export interface SentencePieceVocabulary {
  readonly tokenIds: ReadonlyMap<string, number>;
  /** By id. */
  readonly scores: readonly number[];
  readonly unknownToken: string | null;
  /** Whether a text starts with a space that is not its own. */
  readonly addsSpace: boolean;
  /** Whether that space stands only at the start of a text, and not after a special token, too. Default false. */
  readonly addsSpaceOnce?: boolean;
  /** As in `tokenizer.json`. */
  readonly addedTokens: readonly object[];
}

/**
 * The `tokenizer.json` of a SentencePiece vocabulary.
 *
 * @see transformers, `convert_slow_tokenizer.py` (`LlamaConverter`)
 */
export function sentencePieceJson(vocabulary: SentencePieceVocabulary): object {
  const { tokenIds, scores, unknownToken, addsSpace, addsSpaceOnce = false, addedTokens } = vocabulary;
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prefixed = addsSpace ? [{ type: "Prepend", prepend: "▁" }, spaces] : [spaces];
  const scheme = addsSpace ? "first" : "never";
  return {
    version: "1.0",
    added_tokens: addedTokens,
    normalizer: addsSpaceOnce ? null : { type: "Sequence", normalizers: prefixed },
    pre_tokenizer: addsSpaceOnce
      ? { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: false }
      : null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addsSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokenIds),
      merges: sentencePieceMerges(tokenIds, scores),
      byte_fallback: true,
      fuse_unk: true,
      unk_token: unknownToken,
    },
  };
}
