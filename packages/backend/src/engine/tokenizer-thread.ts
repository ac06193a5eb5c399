import { BackendError, type EngineErrorRecord, EngineRequestError } from "../errors.ts";
import { createWorkerCalls } from "../worker-calls.ts";

/** A text to encode, as it crosses to the thread. */
export interface TokenizerQuestion {
  readonly text: string;
  readonly addSpecialTokens: boolean;
}

/** What comes back from the thread. */
export type TokenizerAnswer =
  | { readonly tokenIds: Int32Array<ArrayBuffer> }
  | { readonly error: EngineErrorRecord };

/** Encodes long texts beside the engine, whose steps would wait for them otherwise. */
export interface TokenizerThread extends AsyncDisposable {
  readonly encode: (text: string, addSpecialTokens: boolean) => Promise<readonly number[]>;
  dispose(): Promise<void>;
}

/** Creates the thread of one model's tokenizer; it starts with the first text and loads a tokenizer of its own. */
export function createTokenizerThread(directory: string): TokenizerThread {
  const entry = new URL("./tokenizer-worker.js", import.meta.url);
  const calls = createWorkerCalls<TokenizerQuestion, TokenizerAnswer>(entry, { directory });
  const dispose = (): Promise<void> =>
    calls.dispose(
      new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before the text was encoded"),
    );
  return {
    encode: async (text, addSpecialTokens) => {
      const answer = await calls.ask({ text, addSpecialTokens });
      if ("error" in answer) throw new EngineRequestError(answer.error);
      return Array.from(answer.tokenIds);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
