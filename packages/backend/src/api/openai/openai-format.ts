import type { Codec } from "../shared/codec.ts";
import { prepareChat } from "./chat.ts";
import { prepareCompletion } from "./completions.ts";
import { detokenize, tokenize } from "./tokenize.ts";

/** What is answered in OpenAI's format, and in that of vLLM where OpenAI has none. */
export const openAiCodecs: readonly Codec[] = [
  { path: "/v1/chat/completions", prepare: prepareChat },
  { path: "/v1/completions", prepare: prepareCompletion },
  { path: "/tokenize", answer: tokenize },
  { path: "/detokenize", answer: detokenize },
];
