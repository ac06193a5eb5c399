import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckpointSizes, writeRandomCheckpoint } from "./random-checkpoint.ts";

/** Layers, heads, vocabulary and context of Llama 3.1 8B; what only the device computes with is narrow. */
const sizes: CheckpointSizes = {
  vocabSize: 128_256,
  hiddenSize: 128,
  intermediateSize: 256,
  layerCount: 32,
  headCount: 32,
  kvHeadCount: 8,
  contextTokens: 8192,
};
/** The other ids are special tokens. */
const wordCount = 128_000;
/** What bytes are written as in a byte-level vocabulary, from `!` on. */
const printableBytes = 94;

/** Words of one to five letters, half of them after a space, in a byte-level vocabulary without merges. */
function tokenizerJson(): object {
  const vocab: Record<string, number> = {};
  for (let id = 0; id < printableBytes; id += 1) vocab[String.fromCharCode(33 + id)] = id;
  for (let id = printableBytes; id < wordCount; id += 1) {
    let word = "";
    for (let rest = id; rest > 0; rest = Math.floor(rest / 26)) word += String.fromCharCode(97 + (rest % 26));
    vocab[`${id % 2 === 0 ? "Ġ" : "A"}${word}`] = id;
  }
  const added = Array.from({ length: sizes.vocabSize - wordCount }, (_, at) => ({
    id: wordCount + at,
    content: `<|special_${at}|>`,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  return {
    version: "1.0",
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}

/** Ids of text: below this. */
export const idleWordCount: number = wordCount;

/** A directory of the model, which is removed with what is in it. */
export async function writeIdleModel(): Promise<{ readonly directory: string } & Disposable> {
  const directory = mkdtempSync(join(tmpdir(), "infernode-idle-model-"));
  await writeRandomCheckpoint(directory, sizes, "BF16");
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizerJson()));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
