import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { loadTokenizer, ModelError } from "../../../src/index.ts";
import type { LoadedTokenizer } from "../../../src/index.ts";
import { fixturesDirectory } from "../../support/fixtures.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { bytePairs, encodePieceModel, piecesOf } from "../../support/piece-model.ts";

const llama2 = join(fixturesDirectory, "tokenizers", "llama2");
const pieces = piecesOf(llama2);
const model = encodePieceModel({ ...bytePairs, pieces });

async function load(
  bytes: Uint8Array,
  more: Readonly<Record<string, object>> = {},
): Promise<LoadedTokenizer> {
  const others = Object.entries(more).map(([name, json]) => [`/m/${name}`, JSON.stringify(json)] as const);
  return loadTokenizer("/m", {
    files: createMemoryFiles({ "/m/tokenizer.model": bytes, ...Object.fromEntries(others) }),
  });
}

interface Golden {
  readonly strings: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly idsWithSpecial: readonly number[];
    readonly decoded: string;
    readonly decodedSkipSpecial: string;
  }[];
}

describe("tokenizer.model", () => {
  it("encodes and decodes as the tokenizer.json that transformers makes of it", async () => {
    const golden = JSON.parse(
      readFileSync(join(fixturesDirectory, "golden", "tokenizer-llama2.json"), "utf8"),
    ) as Golden;
    const tokenizer = await load(model);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabSize]).toEqual([1, 2, pieces.length]);
    for (const { text, ids, idsWithSpecial, decoded, decodedSkipSpecial } of golden.strings) {
      expect({
        text,
        ids: tokenizer.encode(text, { addSpecialTokens: false }),
        idsWithSpecial: tokenizer.encode(text),
        decoded: tokenizer.decode(idsWithSpecial),
        decodedSkipSpecial: tokenizer.decode(idsWithSpecial, { skipSpecialTokens: true }),
      }).toEqual({ text, ids, idsWithSpecial, decoded, decodedSkipSpecial });
    }
  });

  it("has the tokens that the files beside it add", async () => {
    const [next, last] = [pieces.length, pieces.length - 1];
    const tokenizer = await load(model, {
      "added_tokens.json": { "<pad>": next },
      "tokenizer_config.json": {
        add_bos_token: false,
        eos_token: "<|im_end|>",
        added_tokens_decoder: { [last]: { content: "<|im_end|>", special: true, normalized: false } },
      },
    });
    expect(tokenizer.vocabSize).toBe(next + 1);
    expect(tokenizer.encode("<|im_end|><pad>")).toEqual([last, next]);
    expect(tokenizer.eosTokenId).toBe(last);
    expect(tokenizer.decode([last], { skipSpecialTokens: true })).toBe("");
  });

  it("puts a space before a text, after special tokens only in the older way", async () => {
    const words = ["<unk>", "<s>", "</s>", "▁", "a", "▁a"];
    const few = encodePieceModel({
      ...bytePairs,
      pieces: words.map((text, id) => ({ text, score: 0, type: [2, 3, 3][id] ?? 1 })),
    });
    const noSpace = encodePieceModel({
      trainer: bytePairs.trainer,
      normalizer: { 3: 0, 4: 0 },
      pieces: words.map((text, id) => ({ text, score: 0, type: [2, 3, 3][id] ?? 1 })),
    });
    const encode = async (bytes: Uint8Array, config: object): Promise<number[]> =>
      (await load(bytes, { "tokenizer_config.json": config })).encode("a</s>a");
    expect(await encode(few, {})).toEqual([1, 5, 2, 5]);
    expect(await encode(few, { legacy: false })).toEqual([1, 5, 2, 4]);
    expect(await encode(few, { add_prefix_space: false })).toEqual([1, 4, 2, 4]);
    expect(await encode(noSpace, {})).toEqual([1, 4, 2, 4]);
  });

  it.each<[string, Parameters<typeof encodePieceModel>[0], string]>([
    ["Unigram", { ...bytePairs, pieces, trainer: { 35: 1 } }, "trainer_spec.model_type"],
    ["no tokens for bytes", { ...bytePairs, pieces, trainer: { 3: 2 } }, "trainer_spec.byte_fallback"],
    ["a normalizer", { ...bytePairs, pieces, charsmap: new Uint8Array(4) }, "precompiled_charsmap"],
    ["spaces that are removed", { ...bytePairs, pieces, normalizer: {} }, "remove_extra_whitespaces"],
  ])("refuses %s by name", async (_, stored, part) => {
    const error = await expectModelError("UNSUPPORTED_TOKENIZER", async () => load(encodePieceModel(stored)));
    expect(error.message).toContain(part);
  });

  it.each([
    ["no pieces", encodePieceModel({ ...bytePairs, pieces: [] })],
    ["a piece twice", encodePieceModel({ ...bytePairs, pieces: [...pieces, ...pieces.slice(9, 10)] })],
    ["text", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1")],
    ["a length beyond the end", Uint8Array.of(10, 255, 255, 255, 255, 15, 1)],
    ["an endless integer", new Uint8Array(40).fill(255)],
  ])("refuses %s as damaged", async (_, bytes) => {
    await expectModelError("INVALID_TOKENIZER", async () => load(bytes));
  });

  it("fails with a code on any damage", async () => {
    const small = encodePieceModel({ ...bytePairs, pieces: pieces.slice(0, 12) });
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 1;
      return seed % below;
    };
    let refused = 0;
    for (let round = 0; round < 400; round += 1) {
      const damaged = small.slice(0, round % 4 === 0 ? random(small.length) : small.length);
      for (let flip = 0; flip < 3; flip += 1) damaged[random(small.length)] = random(256);
      try {
        (await load(damaged)).encode("a text");
      } catch (error) {
        expect(error).toBeInstanceOf(ModelError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
