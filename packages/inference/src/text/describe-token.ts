import type { TokenDecoderPort } from "../ports.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { TokenCandidate, TokenLogprob } from "./token-logprob.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Says a sampled token and its alternatives in text and bytes. */
export function describeToken(decoder: TokenDecoderPort, sampled: SampledToken): TokenLogprob {
  const candidate = (choice: { readonly tokenId: number; readonly logprob: number }): TokenCandidate => {
    const bytes = choice.tokenId < decoder.vocabSize ? decoder.bytesOf(choice.tokenId) : new Uint8Array();
    const token = bytes.length > 0 ? utf8.decode(bytes) : (decoder.tokenOf(choice.tokenId) ?? "");
    return { tokenId: choice.tokenId, token, bytes: [...bytes], logprob: choice.logprob };
  };
  return { ...candidate(sampled), top: sampled.top.map(candidate) };
}
