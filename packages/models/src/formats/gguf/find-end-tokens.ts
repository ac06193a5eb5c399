/** Of `tokenizer.ggml.token_type`. */
export const tokenType = { unknown: 2, control: 3, userDefined: 4 } as const;

/** The tokens of a file with their types. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly tokenIds: ReadonlyMap<string, number>;
}

/** Ends of turns and of texts, and of files within a repository. */
const endTokens: readonly string[] = [
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|end_of_sentence|>",
  "<｜end▁of▁sentence｜>",
  "<end_of_turn>",
  "<end_of_utterance>",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "[EOS]",
  "<eos>",
  "</s>",
  "<|fim_pad|>",
  "<fim-pad>",
  "<fim_pad>",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<fim-repo>",
  "<reponame>",
  "<|file_sep|>",
];

/** Texts that are no ends unless they are control tokens: in Gemma's vocabulary, tags of HTML are tokens. */
const ordinaryTexts: ReadonlySet<string> = new Set(["</s>", "<eos>", "[EOT]", "[EOS]"]);

/**
 * The types of a vocabulary in which every token that is known to be an end is a control token: older converters wrote
 * others, and llama.cpp corrects them, too.
 */
export function withControlTypes({ types, tokenIds }: Vocabulary): readonly number[] {
  const corrected = [...types];
  for (const token of endTokens) {
    const id = tokenIds.get(token);
    if (id !== undefined && !ordinaryTexts.has(token)) corrected[id] = tokenType.control;
  }
  return corrected;
}

/**
 * Finds the tokens that end an answer: those that a file names, and those that are known by their text, as in llama.cpp,
 * since many files name only one of several. Where a vocabulary has `<|return|>` and `<|call|>` (gpt-oss), `<|end|>`
 * ends a message within an answer.
 *
 * @see llama.cpp, `src/llama-vocab.cpp` (`special_eog_ids`)
 */
export function findEndTokens(
  { tokens, types, tokenIds }: Vocabulary,
  named: readonly unknown[],
): readonly number[] {
  const ids = new Set(
    named.filter((id) => typeof id === "number" && id < tokens.length) as readonly number[],
  );
  for (const token of endTokens) {
    const id = tokenIds.get(token) ?? -1;
    if (types[id] === tokenType.control) ids.add(id);
  }
  if (tokenIds.has("<|return|>") && tokenIds.has("<|call|>")) ids.delete(tokenIds.get("<|end|>") ?? -1);
  return [...ids];
}
