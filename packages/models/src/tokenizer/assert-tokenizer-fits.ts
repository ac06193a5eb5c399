import type { ModelConfig } from "../config/model-config.ts";
import { ModelError } from "../errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Checks that every token id of the tokenizer has a row in the embedding, and that the tokenizer has every
 * end-of-sequence token.
 *
 * @throws ModelError `TOKENIZER_VOCAB_MISMATCH`
 */
export function assertTokenizerFits(tokenizer: Tokenizer, config: ModelConfig): void {
  const lastId = tokenizer.vocabSize - 1;
  if (lastId >= config.vocabSize) {
    const expected = `more than ${lastId}, the id of the token ${JSON.stringify(tokenizer.tokenOf(lastId) ?? "")}`;
    const mismatch = { expected, got: String(config.vocabSize) };
    throw new ModelError("TOKENIZER_VOCAB_MISMATCH", mismatch, { field: "vocab_size" });
  }
  const unknown = config.eosTokenIds.find((id) => id > lastId);
  if (unknown !== undefined) {
    const mismatch = { expected: `a token id of the tokenizer, from 0 to ${lastId}`, got: String(unknown) };
    throw new ModelError("TOKENIZER_VOCAB_MISMATCH", mismatch, { field: "eos_token_id" });
  }
}
