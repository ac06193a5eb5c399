import { AutoModelForCausalLM, env, Tensor, type PreTrainedModel } from "@huggingface/transformers";
import { join } from "node:path";
import type { Peer, PeerSetup } from "../harness/peer.ts";
import { level4Directory } from "../models/write-onnx.ts";

/** Opens a q4 model in transformers.js, with products in 8 bits in the mode `level4`. Several streams are one batch: requests of their own wait for each other. */
export async function openPeer(setup: PeerSetup): Promise<Peer> {
  env.allowRemoteModels = false;
  env.localModelPath = "/";
  const directory =
    setup.mode === level4Directory ? join(setup.onnxDirectory, level4Directory) : setup.onnxDirectory;
  const model = await AutoModelForCausalLM.from_pretrained(directory, {
    dtype: "q4",
    device: "cpu",
    local_files_only: true,
    session_options: { intraOpNumThreads: setup.threads },
  });
  return {
    description: `transformers.js, q4 (MatMulNBits, blocks of 32), ${setup.mode}`,
    generate: async (prompts, tokenCount, onToken) => {
      let isPrompt = true;
      // The calls of a streamer: the prompts first, then a token of each.
      const streamer = {
        put: (batch: readonly (readonly bigint[])[]) => {
          if (!isPrompt) batch.forEach((ids, stream) => onToken(stream, Number(ids.at(-1))));
          isPrompt = false;
        },
        end: () => undefined,
      };
      const options = { ...inputsOf(prompts), max_new_tokens: tokenCount, do_sample: false, streamer };
      // The types ask for a class; the methods above are what is called.
      await model.generate(options as unknown as Parameters<PreTrainedModel["generate"]>[0]);
    },
    rank: async (prompt, count) => {
      // The session's outputs have no types.
      const { logits } = (await model(inputsOf([prompt]))) as { readonly logits: Tensor };
      const vocabSize = logits.dims.at(-1) ?? 0;
      const row = Float64Array.from((logits.data as Float32Array).subarray(-vocabSize));
      const largest = row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
      const total = largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
      const ids = Array.from(row, (_, tokenId) => tokenId).toSorted((a, b) => row[b]! - row[a]!);
      return ids.slice(0, count).map((tokenId) => ({ tokenId, logprob: row[tokenId]! - total }));
    },
    dispose: async () => {
      await model.dispose();
    },
  };
}

function inputsOf(prompts: readonly (readonly number[])[]): Readonly<Record<string, Tensor>> {
  const ids = prompts.flat().map(BigInt);
  const shape = [prompts.length, prompts[0]?.length ?? 0];
  return {
    input_ids: new Tensor("int64", BigInt64Array.from(ids), shape),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), shape),
  };
}
