import type { StoredText } from "./formats/checkpoint-format.ts";

/** Special tokens that end a message of the model in templates of the supported families. */
const turnEnds: readonly string[] = [
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<end_of_turn>",
  "<|END_OF_TURN_TOKEN|>",
  "<|end_of_text|>",
  "<|endoftext|>",
];

/**
 * Finds the special tokens by which a chat template ends a message: configs of some checkpoints name only the end of a
 * text, and an answer would run on into the next turn. In a vocabulary with `<|return|>`, `<|end|>` ends a message
 * within an answer.
 */
export function findTurnEnds({ tokenizer, chatTemplate }: StoredText): readonly number[] {
  const source = chatTemplate?.source ?? "";
  const hasMessages = tokenizer.idOf("<|return|>") !== undefined;
  return turnEnds
    .filter((token) => source.includes(token) && !(hasMessages && token === "<|end|>"))
    .map((token) => tokenizer.idOf(token) ?? -1)
    .filter((id) => tokenizer.specialTokenIds.has(id));
}
