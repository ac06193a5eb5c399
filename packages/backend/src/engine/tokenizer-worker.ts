import { workerData } from "node:worker_threads";
import { loadTokenizer } from "@infernode/models";
import { answerCalls } from "../worker-calls.ts";
import { toErrorRecord } from "./error-record.ts";
import type { TokenizerAnswer, TokenizerQuestion } from "./tokenizer-thread.ts";

// The entry of the tokenizer's thread: one question after the other.
const { directory } = workerData as { readonly directory: string };
const tokenizer = loadTokenizer(directory);

answerCalls(async ({ text, addSpecialTokens }: TokenizerQuestion): Promise<TokenizerAnswer> => {
  try {
    return { tokenIds: Int32Array.from((await tokenizer).encode(text, { addSpecialTokens })) };
  } catch (error) {
    return { error: toErrorRecord(error) };
  }
});
