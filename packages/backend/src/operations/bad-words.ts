import type { PromptService } from "./prompt.ts";

/**
 * The tokens of words that must not come: of each as it is, and after a space. vLLM leaves the latter out where they are
 * more than the former, and then lets the word come in the middle of a text.
 *
 * @see https://github.com/vllm-project/vllm/blob/main/vllm/sampling_params.py (`update_from_tokenizer`)
 */
export async function encodeBadWords(
  prompts: PromptService,
  words: readonly string[],
  signal: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const encode = (text: string): Promise<readonly number[]> =>
    prompts.encode({ kind: "text", text, addSpecialTokens: false }, { purpose: "generation", signal });
  const sequences: (readonly number[])[] = [];
  for (const word of words) {
    const bare = word.trimStart();
    const plain = await encode(bare);
    const spaced = await encode(` ${bare}`);
    for (const tokenIds of [plain, spaced]) if (tokenIds.length > 0) sequences.push(tokenIds);
  }
  return sequences;
}
