import { randomUUID } from "node:crypto";
import {
  createInlineEngine,
  engineOptionsOf,
  generate,
  resolveConfig,
  type GenerateEvent,
  type GenerateInput,
} from "@infernode/backend";
import type { Peer, PeerSetup, RankedToken } from "../harness/peer.ts";

/**
 * Opens the model as a program does that uses the library. The mode is one of `--quantize`, or `gguf` for the peers' own
 * file, and may end in `+kv8`: a KV cache of 8 bits.
 */
export async function openPeer(setup: PeerSetup): Promise<Peer> {
  const [weights = "", kvCache] = setup.mode.split("+");
  const isGguf = weights === "gguf";
  const { config } = await resolveConfig({
    flags: {
      model: isGguf ? setup.ggufPath : setup.directory,
      ...(isGguf ? {} : { quantize: weights }),
      "cache-dir": setup.cacheDirectory,
      ...(kvCache === "kv8" ? { "kv-cache-dtype": "int8" } : {}),
      threads: String(setup.threads),
      "max-sequences": String(setup.sequenceCount),
      "context-tokens": String(setup.contextTokens),
    },
    file: false,
  });
  const engine = await createInlineEngine({ engine: engineOptionsOf(config.models[0]!) });
  const call = (
    tokenIds: readonly number[],
    input: Omit<GenerateInput, "id" | "prompt">,
  ): AsyncIterable<GenerateEvent> =>
    engine.call(
      generate,
      { id: randomUUID(), prompt: { kind: "tokens", tokenIds }, sampling: { temperature: 0 }, ...input },
      { modelId: engine.model.id },
    );
  return {
    description: `${engine.description}, ${setup.mode}`,
    weightsBytes: engine.model.memoryPlan.weightsBytes,
    generate: async (prompts, tokenCount, onToken) => {
      const stopping = { maxTokens: tokenCount, ignoreEos: true };
      const read = async (tokenIds: readonly number[], stream: number): Promise<void> => {
        for await (const event of call(tokenIds, { stopping })) {
          if (event.type === "delta") event.delta.tokenIds.forEach((tokenId) => onToken(stream, tokenId));
        }
      };
      await Promise.all(prompts.map(read));
    },
    rank: async (tokenIds, count) => {
      const stopping = { maxTokens: 1, ignoreEos: true };
      for await (const event of call(tokenIds, { stopping, logprobs: count })) {
        const top = event.type === "delta" ? event.delta.logprobs?.[0]?.top : undefined;
        if (top !== undefined) return top as readonly RankedToken[];
      }
      throw new Error("no log-probabilities");
    },
    dispose: () => engine.dispose(),
  };
}
