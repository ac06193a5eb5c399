import { isRecord } from "../is-record.ts";
import { continueHash, emptyHash, mixHash } from "./hash-text.ts";

/** Beginnings of a prompt that are hashed, in UTF-16 units: about 64 to 4096 tokens. */
export const prefixLengths: readonly number[] = [256, 512, 1024, 2048, 4096, 8192, 16_384];

/** What is known of a prompt without a tokenizer. */
export interface PromptOutline {
  /** UTF-16 units of all its texts. */
  readonly characters: number;
  /** Hashes of the beginnings of `prefixLengths` that it has, the longest last. */
  readonly prefixes: readonly number[];
}

/** In the order in which chat templates write them. */
const promptFields = ["tools", "system", "instructions", "messages", "prompt", "input"];
const textFields = ["role", "name", "description", "function", "text", "content", "arguments", "output"];
const maxDepth = 8;

/** Yields the texts of a value in order; images, sounds and what is nested too deeply are left out. */
function* textsOf(value: unknown, depth = 0): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "number") yield String(value);
  else if (depth >= maxDepth) return;
  else if (Array.isArray(value)) for (const each of value) yield* textsOf(each, depth + 1);
  else if (isRecord(value)) for (const name of textFields) yield* textsOf(value[name], depth + 1);
}

/**
 * Outlines the prompt of a request body of any wire format. Two prompts of one form whose texts begin alike have the
 * same first hashes, whatever parameters the requests have.
 */
export function outlinePrompt(body: Readonly<Record<string, unknown>>): PromptOutline {
  const prefixes: number[] = [];
  let hash = emptyHash;
  let hashed = 0;
  let characters = 0;
  for (const field of promptFields) {
    for (const text of textsOf(body[field])) {
      characters += text.length;
      let rest = text;
      for (
        let next = prefixLengths[prefixes.length];
        next !== undefined;
        next = prefixLengths[prefixes.length]
      ) {
        const length = Math.min(next - hashed, rest.length);
        hash = continueHash(hash, rest, length);
        hashed += length;
        if (hashed < next) break;
        prefixes.push(mixHash(hash));
        rest = rest.slice(length);
      }
    }
  }
  return { characters, prefixes };
}
