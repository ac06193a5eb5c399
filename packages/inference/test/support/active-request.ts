import { ActiveRequest } from "../../src/requests/active-request.ts";
import { createSequences } from "../../src/requests/create-sequences.ts";
import { GenerationStream } from "../../src/requests/generation-stream.ts";
import { resolveGenerationRequest } from "../../src/requests/resolve-generation-request.ts";
import { resolveSpeculation } from "../../src/speculation/resolve-speculation.ts";
import { createPlainByteTokenizer } from "./byte-tokenizer.ts";

/** A request of three tokens that may generate six, as an engine creates it. */
export function createActiveRequest(queuedAtMs: number): ActiveRequest {
  const model = { vocabSize: 256, contextTokens: 9 };
  const request = resolveGenerationRequest({ promptTokenIds: [1, 2, 3] }, model);
  const tokenizer = createPlainByteTokenizer([]);
  return new ActiveRequest({
    promptTokenCount: 3,
    maxTokens: 6,
    logprobs: undefined,
    promptLogprobs: undefined,
    sequences: createSequences(request, {
      tokenizer,
      eosTokenIds: new Set(),
      random: () => 0,
      cacheScope: 0,
      speculation: resolveSpeculation({}, "slots"),
    }),
    stream: new GenerationStream("r1", () => {}),
    queuedAtMs,
  });
}
