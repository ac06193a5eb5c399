import { createHash } from "node:crypto";

/** Characters of a block: about 16 tokens. */
const blockCharacters = 64;

/** Which beginnings of prompts a server would still have the keys and values of: whole blocks, the last used stay. */
export interface PromptCache {
  /** Computes a prompt; returns how many of its characters were cached. */
  compute(prompt: string): number;
}

/** Creates an empty cache of so many blocks. */
export function createPromptCache(capacityBlocks: number): PromptCache {
  /** By the hash of the prompt up to the end of the block; the last used last. */
  const blocks = new Set<string>();
  return {
    compute(prompt) {
      const hash = createHash("sha1");
      const used: string[] = [];
      let foundCount = 0;
      for (let end = blockCharacters; end <= prompt.length; end += blockCharacters) {
        hash.update(prompt.slice(end - blockCharacters, end));
        const block = hash.copy().digest("base64");
        if (foundCount === used.length && blocks.has(block)) foundCount += 1;
        used.push(block);
      }
      // A block is of no use without those before it: the first is the last to go.
      for (const block of used.toReversed()) {
        blocks.delete(block);
        blocks.add(block);
      }
      for (const block of blocks) {
        if (blocks.size <= capacityBlocks) break;
        blocks.delete(block);
      }
      return foundCount * blockCharacters;
    },
  };
}
