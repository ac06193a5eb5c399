import { ModelError } from "../errors.ts";
import type { LibraryNormalizer, LibraryNormalizerStep } from "./tokenizers-library.ts";

/** Unicode's longest decomposition makes 18 characters of one. */
const maxGrowth = 20;
const freeCharacters = 4096;
const maxGrowthOfLong = 4;
const freeCharactersOfLong = 2 ** 24;

/** How long a text may become. */
function limitFor(characters: number): number {
  return Math.min(
    characters * maxGrowth + freeCharacters,
    characters * maxGrowthOfLong + freeCharactersOfLong,
  );
}

/**
 * Makes a normalizer that refuses to grow a text out of proportion, step by step and before it is made. A
 * `Replace` puts its content in as it is, where the library would read `$&` in it.
 */
export function boundNormalizer(
  normalizer: LibraryNormalizerStep | null,
  file: string,
): LibraryNormalizer | null {
  if (normalizer === null) {
    return null;
  }
  const steps = flatten(normalizer);
  return (text) => {
    const limit = limitFor(text.length);
    const assertWithin = (characters: number): void => {
      if (characters > limit) {
        throw new ModelError(
          "TOKENIZER_FAILED",
          `${file}: expected a normalizer that makes at most ${limit} characters of ${text.length}, got one that makes ${characters} or more`,
          { file, field: "normalizer" },
        );
      }
    };
    let current = text;
    for (const step of steps) {
      current = runStep(step, current, assertWithin);
      assertWithin(current.length);
    }
    return current;
  };
}

function flatten(normalizer: LibraryNormalizerStep | null): readonly LibraryNormalizerStep[] {
  if (normalizer === null) {
    return [];
  }
  return normalizer.normalizers === undefined ? [normalizer] : normalizer.normalizers.flatMap(flatten);
}

function runStep(
  step: LibraryNormalizerStep,
  text: string,
  assertWithin: (characters: number) => void,
): string {
  const { type, prepend, content } = step.config ?? {};
  if (type === "Prepend") {
    assertWithin(text.length + String(prepend).length);
  }
  if (type !== "Replace" || !(step.pattern instanceof RegExp)) {
    return step.normalize(text);
  }
  const replacement = typeof content === "string" ? content : "";
  let added = 0;
  return text.replace(step.pattern, () => {
    added += replacement.length;
    assertWithin(added);
    return replacement;
  });
}
