import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadTokenizer } from "@infernode/models";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TokenDecoderPort } from "../../src/index.ts";
import { Detokenizer } from "../../src/text/detokenizer.ts";
import { createByteTokenizer, createPlainByteTokenizer } from "../support/byte-tokenizer.ts";

const texts = [
  "Once upon a time, there was a fox.",
  "Grüße aus Köln — 1.234,5 €",
  "日本語のテキストと中文和한국어",
  "👩‍👩‍👧‍👦 family, 🇩🇪 flag, 👍🏽 tone, e\u0301 combining",
  "  leading and   inner   spaces\n\n\ttabs\r\n",
  "Zażółć gęślą jaźń; ∀x∈ℝ: ⌈x⌉ = −⌊−x⌋",
  "\uFEFFmark and \uFFFD itself",
];

function run(
  decoder: TokenDecoderPort,
  tokenIds: readonly number[],
  prompt: readonly number[] = [],
): string[] {
  const detokenizer = new Detokenizer(decoder, {
    skipSpecialTokens: true,
    promptTokenIds: Int32Array.from(prompt),
  });
  return [...tokenIds.map((tokenId) => detokenizer.push(tokenId)), detokenizer.flush()];
}

describe("Detokenizer", () => {
  it("returns a character with its last byte and not before", () => {
    const decoder = createPlainByteTokenizer();
    expect(run(decoder, [...new TextEncoder().encode("a🌍é")])).toEqual(["a", "", "", "", "🌍", "", "é", ""]);
  });

  it("shows a character that stays incomplete as U+FFFD, at the end only", () => {
    const decoder = createPlainByteTokenizer();
    expect(run(decoder, [0x61, 0xf0, 0x9f])).toEqual(["a", "", "", "\uFFFD"]);
    expect(run(decoder, [0xf0, 0x9f, 0x61])).toEqual(["", "", "\uFFFDa", ""]);
    expect(run(decoder, [0xff, 0x61])).toEqual(["\uFFFD", "a", ""]);
    expect(run(decoder, [0xef, 0xbf, 0xbd])).toEqual(["", "", "\uFFFD", ""]);
  });

  it("returns the complete characters of a token that ends within one", () => {
    const decoder = createByteTokenizer([
      Uint8Array.of(0x61, 0x62, 0xf0),
      Uint8Array.of(0x9f, 0x8c, 0x8d, 0x63),
    ]);
    expect(run(decoder, [0, 1])).toEqual(["ab", "🌍c", ""]);
  });

  it("skips special tokens, also between the bytes of a character, or writes them", () => {
    const decoder = createPlainByteTokenizer(["<s>"]);
    expect(run(decoder, [256, 0xc3, 256, 0xa9, 256]).join("")).toBe("é");
    const writing = new Detokenizer(decoder, { skipSpecialTokens: false });
    expect([0x61, 256, 0x62].map((tokenId) => writing.push(tokenId)).join("") + writing.flush()).toBe(
      "a<s>b",
    );
  });

  it("writes special tokens that are kept, where others are skipped", () => {
    const decoder = createPlainByteTokenizer(["<s>", "<call>"]);
    const keeping = new Detokenizer(decoder, { skipSpecialTokens: true, keptTokenIds: new Set([257]) });
    const tokenIds = [256, 0x61, 257, 0xc3, 256, 0xa9, 257, 256];
    expect(tokenIds.map((tokenId) => keeping.push(tokenId)).join("") + keeping.flush()).toBe(
      "a<call>é<call>",
    );
  });

  it("does not depend on how the bytes are cut into tokens, be they text or not", () => {
    const bytes = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
      fc.uint8Array({ maxLength: 60 }),
      fc
        .string({ unit: fc.constantFrom("a", "é", "€", "🌍"), maxLength: 30 })
        .map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 7 })), (bytes, sizes) => {
        const pieces: Uint8Array[] = [];
        for (let start = 0; start < bytes.length;) {
          const size = sizes[pieces.length % Math.max(1, sizes.length)] ?? 1;
          pieces.push(bytes.subarray(start, start + size));
          start += size;
        }
        const decoder = createByteTokenizer(pieces);
        const tokenIds = pieces.map((_, tokenId) => tokenId);
        const given = run(decoder, tokenIds);
        expect(given).toEqual(run({ ...decoder, textBehind: () => undefined }, tokenIds));
        const whole = decoder.decode(tokenIds, { skipSpecialTokens: true });
        expect(given.join("")).toBe(whole);
        // Nothing was given out that had to be taken back: every step is a beginning of the whole.
        let text = "";
        for (const piece of given) {
          text += piece;
          expect(whole.startsWith(text)).toBe(true);
        }
      }),
      { seed: 4, numRuns: 2000 },
    );
  });

  it("returns U+FFFD after four tokens whose bytes are not known", () => {
    const decoder = {
      vocabSize: 1,
      bytesOf: () => new Uint8Array(),
      tokenOf: () => undefined,
      decode: (tokenIds: readonly number[]) => "\uFFFD".repeat(tokenIds.length),
    };
    const detokenizer = new Detokenizer(decoder, { skipSpecialTokens: false });
    expect([0, 0, 0, 0].map((tokenId) => detokenizer.push(tokenId))).toEqual([
      "",
      "",
      "",
      "\uFFFD".repeat(4),
    ]);
  });

  it("decodes long text whose tokens all end within a character", () => {
    const decoder = createByteTokenizer([
      Uint8Array.of(0xc3),
      Uint8Array.of(0xa9, 0xc3),
      Uint8Array.of(0xa9),
    ]);
    const middle = Array.from({ length: 100 }, () => 1);
    expect(run(decoder, [0, ...middle, 2]).join("")).toBe("é".repeat(101));
    expect(decoder.decodedTokenCount).toBeLessThan(32 * 102);
  });

  it("decodes a bounded number of tokens for each, however long the answer and whatever it is", () => {
    const perToken = (tokenId: number, count: number): number => {
      const decoder = createByteTokenizer(
        Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
        ["<s>"],
      );
      run(
        decoder,
        Array.from({ length: count }, () => tokenId),
      );
      return decoder.decodedTokenCount / count;
    };
    for (const tokenId of [0x61, 0x80, 0xc3, 0xf0, 0xff, 256]) {
      expect(perToken(tokenId, 4000)).toBeLessThan(32);
    }
  });
});

describe.each(["llama2", "llama2-metaspace", "llama3", "qwen2", "tekken"])(
  "with the tokenizer %s",
  (name) => {
    const directory = fileURLToPath(
      new URL(`../../../../test/fixtures/tokenizers/${name}/`, import.meta.url),
    );

    it("returns the text of all tokens, in whole characters", async () => {
      expect(existsSync(directory)).toBe(true);
      const tokenizer = await loadTokenizer(directory);
      for (const text of texts) {
        const tokenIds = tokenizer.encode(text, { addSpecialTokens: false });
        const given = run(tokenizer, tokenIds);
        expect(given.join("")).toBe(tokenizer.decode(tokenIds, { skipSpecialTokens: true }));
        expect(given.join("").includes("\uFFFD")).toBe(text.includes("\uFFFD"));
      }
    });

    it("returns the same where the text of single tokens is not known", async () => {
      const tokenizer = await loadTokenizer(directory, { encodes: false });
      const withoutTexts = { ...tokenizer, textBehind: () => undefined };
      const tokenId = fc.oneof(
        fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }),
        // Bytes, and special tokens.
        fc.integer({ min: 0, max: Math.min(300, tokenizer.vocabSize - 1) }),
        fc.constantFrom(...tokenizer.specialTokenIds),
      );
      const tokenIds = fc.array(tokenId, { maxLength: 20 });
      fc.assert(
        fc.property(tokenIds, tokenIds, (answer, prompt) => {
          expect(run(tokenizer, answer, prompt)).toEqual(run(withoutTexts, answer, prompt));
        }),
        { seed: 5, numRuns: 500 },
      );
    });

    it("goes on where the prompt ended, at every place of a text", async () => {
      const tokenizer = await loadTokenizer(directory);
      for (const text of texts) {
        const tokenIds = tokenizer.encode(text, { addSpecialTokens: true });
        const whole = tokenizer.decode(tokenIds, { skipSpecialTokens: true });
        for (let end = 1; end < tokenIds.length; end += 1) {
          const prompt = tokenIds.slice(0, end);
          const start = tokenizer.decode(prompt, { skipSpecialTokens: true });
          if (!whole.startsWith(start) || start.endsWith("\uFFFD")) continue;
          expect(start + run(tokenizer, tokenIds.slice(end), prompt).join("")).toBe(whole);
        }
      }
    });
  },
);
