import {
  addSharedTokens,
  compileConstraint,
  type ConstraintProgram,
  ConstraintError,
  type ConstraintSource,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  listSharedTokens,
  type Matcher,
  prepareTokens,
  type TokenMasks,
  type TokenTrie,
} from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../benchmarks/lib/random.ts";

const alphabet = ["a", "b", "1", " ", '"', ",", ":", "{", "}", "é"];
const endToken = 0;

type Random = () => number;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** The end of a text, every byte, and random texts of which some are the same. */
function randomVocabulary(random: Random, size: number): (Uint8Array | undefined)[] {
  const texts = Array.from({ length: size }, () =>
    Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(random, alphabet)).join(""),
  );
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return [undefined, ...bytes, ...texts.map((text) => new TextEncoder().encode(text))];
}

/** A part of a grammar that is not empty; `rules` are those that it may call behind a byte. */
function randomPart(random: Random, depth: number, rules: readonly string[]): string {
  const kind = depth === 0 ? Math.floor(random() * 3) : Math.floor(random() * 9);
  const part = (): string => randomPart(random, depth - 1, rules);
  switch (kind) {
    case 0:
      return JSON.stringify(pick(random, alphabet));
    case 1:
      return pick(random, ["[ab]", "[a-z1]", "[^,]", "[ab1 ]"]);
    case 2:
      return `${JSON.stringify(pick(random, alphabet))} ${pick(random, rules)}`;
    case 3:
    case 4:
      return `${part()} ${part()}`;
    case 5:
      return `(${part()} | ${part()})`;
    case 6:
      return `(${part()})${pick(random, ["+", "{2,}", "{1,30}", "{3,12}"])}`;
    case 7:
      return `${part()} (${part()})${pick(random, ["?", "*", "{0,25}"])}`;
    default:
      return `[ab1]${pick(random, ["{1,30}", "{2,40}", "+"])} ${part()}`;
  }
}

function randomGrammar(random: Random): string {
  const rules = ["root", "one", "two"];
  const bodies = rules.map(
    (rule) =>
      `${rule} ::= ${randomPart(random, 3, [...rules, "space"])} | "a" space ${randomPart(random, 1, ["one"])}`,
  );
  return [...bodies, 'space ::= " "* ("," " ")?'].join("\n");
}

function randomSchema(random: Random, depth: number): Record<string, unknown> {
  switch (Math.floor(random() * (depth === 0 ? 5 : 7))) {
    case 0:
      return { type: "string", maxLength: 1 + Math.floor(random() * 8) };
    case 1:
      return { type: "string", pattern: pick(random, ["^[ab]+1?$", "a", "^a{2,9}(b|é)"]), maxLength: 12 };
    case 2:
      return { type: pick(random, ["integer", "boolean", "string"]) };
    case 3:
      return { enum: ["a", "ab", "aba", 1, 11, null].slice(Math.floor(random() * 4)) };
    case 4:
      return { type: "string", pattern: pick(random, ["^(a|b{1,20}){1,9}$", "^[^1]*$"]) };
    case 5:
      return {
        type: "array",
        items: randomSchema(random, depth - 1),
        minItems: Math.floor(random() * 3),
        maxItems: 4,
      };
    default:
      return {
        type: "object",
        properties: { a: randomSchema(random, depth - 1), b: randomSchema(random, depth - 1) },
        required: pick(random, [[], ["a"], ["b", "a"]]),
        additionalProperties: pick(random, [false, { type: "integer" }]),
      };
  }
}

function compileIfPossible(source: ConstraintSource): ConstraintProgram | undefined {
  try {
    return compileConstraint(source);
  } catch (error) {
    if (error instanceof ConstraintError) return undefined;
    throw error;
  }
}

function allowedTokens(matcher: Matcher, vocabSize: number): number[] {
  const mask = new Uint32Array((vocabSize + 31) >>> 5);
  matcher.fillMask(mask);
  return Array.from({ length: vocabSize }, (_, token) => token).filter(
    (token) => ((mask[token >>> 5]! >>> (token & 31)) & 1) === 1,
  );
}

/** Masks with all that a thread with a copy of the tree works out. */
function preparedMasks(program: ConstraintProgram, here: TokenTrie, there: TokenTrie): TokenMasks {
  const masks = createTokenMasks(program, here);
  for (const batch of prepareTokens(structuredClone(program), there)) masks.add(structuredClone(batch));
  return masks;
}

describe("masks that were prepared", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`allow exactly the tokens that can be read: random grammars and schemas, ${seed}`, () => {
      const random = createRandom(seed);
      const vocabulary = randomVocabulary(random, 1500);
      const [here, there] = [createTokenTrie(vocabulary), createTokenTrie(vocabulary)];
      let maskCount = 0;
      let programCount = 0;
      for (let attempt = 0; attempt < 16; attempt += 1) {
        const source =
          attempt % 2 === 0
            ? { grammar: randomGrammar(random) }
            : {
                jsonSchema: randomSchema(random, 2),
                whitespace: pick(random, ["compact", "flexible"] as const),
              };
        const program = compileIfPossible(source);
        if (program === undefined) continue;
        programCount += 1;
        const matcher = createMatcher(preparedMasks(program, here, there), [endToken]);
        for (let step = 0; step < 12 && !matcher.isFinished; step += 1) {
          const allowed = allowedTokens(matcher, vocabulary.length);
          const read = vocabulary.flatMap((_, token) => (matcher.clone().accept(token) ? [token] : []));
          expect(allowed, `${JSON.stringify(source)} after ${step} tokens`).toEqual(read);
          maskCount += 1;
          const long = allowed.filter((token) => token > 256);
          if (allowed.length === 0) break;
          matcher.accept(pick(random, long.length > 0 && random() < 0.7 ? long : allowed));
        }
      }
      expect(programCount).toBeGreaterThan(8);
      expect(maskCount).toBeGreaterThan(40);
      // What one thread has, the other one has got.
      expect(new Set(listSharedTokens(here).map(([signature]) => signature))).toEqual(
        new Set([...listSharedTokens(here), ...listSharedTokens(there)].map(([signature]) => signature)),
      );
    });
  }

  it("are not worked out twice for the same rules of several programs", () => {
    const random = createRandom(9);
    const trie = createTokenTrie(randomVocabulary(random, 1500));
    const schemaOf = (name: string): ConstraintSource => ({
      jsonSchema: {
        type: "object",
        properties: { [name]: { type: "string", maxLength: 30 }, ab: { type: "integer" } },
        additionalProperties: false,
      },
    });
    const contentCount = (source: ConstraintSource): number =>
      [...prepareTokens(compileConstraint(source), trie)]
        .flat()
        .filter(({ content }) => content !== undefined).length;
    const first = contentCount(schemaOf("a"));
    expect(first).toBeGreaterThan(4);
    expect(contentCount(schemaOf("a"))).toBe(0);
    const other = contentCount(schemaOf("b"));
    expect(other).toBeGreaterThan(0);
    expect(other).toBeLessThan(first);
    const copy = createTokenTrie(randomVocabulary(createRandom(9), 1500));
    addSharedTokens(copy, listSharedTokens(trie));
    expect([...prepareTokens(compileConstraint(schemaOf("b")), copy)].flat()).not.toContainEqual(
      expect.objectContaining({ content: expect.anything() }),
    );
  });
});
