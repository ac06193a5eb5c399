import { getLlama, LlamaLogLevel, type Token } from "node-llama-cpp";
import type { Peer, PeerSetup } from "../harness/peer.ts";

/** Opens a GGUF file in llama.cpp, with flash attention: without it, it is slower at every measure here. */
export async function openPeer(setup: PeerSetup): Promise<Peer> {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    maxThreads: setup.threads,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: setup.ggufPath });
  const context = await model.createContext({
    sequences: setup.sequenceCount,
    contextSize: setup.contextTokens,
    batchSize: 512,
    flashAttention: process.env["INFERNODE_PEERS_FLASH"] !== "0",
    threads: { ideal: setup.threads, min: setup.threads },
  });
  const sequences = Array.from({ length: setup.sequenceCount }, () => context.getSequence());
  // Token ids are branded numbers.
  const tokens = (ids: readonly number[]): Token[] => [...ids] as Token[];
  return {
    description: `node-llama-cpp, Q4_0, flash attention ${String(context.flashAttention)}`,
    generate: async (prompts, tokenCount, onToken) => {
      const read = async (prompt: readonly number[], stream: number): Promise<void> => {
        const sequence = sequences[stream]!;
        await sequence.clearHistory();
        let count = 0;
        const options = { temperature: 0, yieldEogToken: true };
        for await (const token of sequence.evaluate(tokens(prompt), options)) {
          onToken(stream, token);
          count += 1;
          if (count === tokenCount) break;
        }
      };
      await Promise.all(prompts.map(read));
    },
    rank: async (prompt, count) => {
      const [sequence] = sequences;
      await sequence!.clearHistory();
      const ids = tokens(prompt);
      const last = ids.pop()!;
      const outputs = await sequence!.controlledEvaluate([
        ...ids,
        [last, { generateNext: { logits: true } }],
      ]);
      const logits = [...(outputs.at(-1)?.next.logits ?? [])].toSorted((a, b) => b[1] - a[1]);
      const largest = logits[0]?.[1] ?? 0;
      const total = largest + Math.log(logits.reduce((sum, [, logit]) => sum + Math.exp(logit - largest), 0));
      return logits.slice(0, count).map(([tokenId, logit]) => ({ tokenId, logprob: logit - total }));
    },
    dispose: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
