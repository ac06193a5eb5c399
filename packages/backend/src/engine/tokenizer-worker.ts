import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "@infernode/models";
import { toErrorRecord } from "./error-record.ts";
import type { TokenizerAnswer, TokenizerQuestion } from "./tokenizer-thread.ts";

// The entry of the tokenizer's thread: one question after the other.
const { directory } = workerData as { readonly directory: string };
const tokenizer = loadTokenizer(directory);

async function answer({ id, text, addSpecialTokens }: TokenizerQuestion): Promise<void> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  const send = (message: TokenizerAnswer): void => parentPort?.postMessage(message);
  try {
    send({ id, tokenIds: Int32Array.from((await tokenizer).encode(text, { addSpecialTokens })) });
  } catch (error) {
    send({ id, error: toErrorRecord(error) });
  }
}

parentPort?.on("message", (question: TokenizerQuestion) => void answer(question));
