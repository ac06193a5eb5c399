import { ModelError } from "../errors.ts";
import type { LibraryNormalizer, LibraryNormalizerStep } from "./tokenizers-library.ts";

/** Unicode's longest decomposition has 18 characters. */
const maxGrowth = 20;
const freeCharacters = 4096;
const maxGrowthOfLong = 4;
const freeCharactersOfLong = 2 ** 24;

/** The length that a text may grow to. */
function limitFor(characters: number): number {
  return Math.min(
    characters * maxGrowth + freeCharacters,
    characters * maxGrowthOfLong + freeCharactersOfLong,
  );
}

/**
 * Makes a normalizer that fails when a step would grow a text beyond its limit, before the text is made. A
 * `Replace` inserts its content literally, where the library would interpret `$&`.
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
          { expected: `at most ${limit} characters of ${text.length}`, got: `${characters} or more` },
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
