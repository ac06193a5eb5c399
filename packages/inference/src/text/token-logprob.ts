import type { TokenDecoderPort } from "../ports.ts";
import type { SampledToken } from "../sampling/sampler.ts";

/** A token and its log-probability. */
export interface TokenCandidate {
  readonly tokenId: number;
  /** Decoded; a partial character is U+FFFD, see `bytes`. */
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** Natural logarithms, of the model's own distribution before penalties, bias and temperature. */
export interface TokenLogprob extends TokenCandidate {
  /** Among all tokens, from 1. */
  readonly rank: number;
  readonly top: readonly TokenCandidate[];
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Adds text and bytes to a sampled token and its alternatives. */
export function describeToken(decoder: TokenDecoderPort, sampled: SampledToken): TokenLogprob {
  const candidate = (choice: { readonly tokenId: number; readonly logprob: number }): TokenCandidate => {
    const bytes = choice.tokenId < decoder.vocabSize ? decoder.bytesOf(choice.tokenId) : new Uint8Array();
    const token = bytes.length > 0 ? utf8.decode(bytes) : (decoder.tokenOf(choice.tokenId) ?? "");
    return { tokenId: choice.tokenId, token, bytes: [...bytes], logprob: choice.logprob };
  };
  return { ...candidate(sampled), rank: sampled.rank, top: sampled.top.map(candidate) };
}
