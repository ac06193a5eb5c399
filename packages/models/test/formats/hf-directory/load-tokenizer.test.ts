import { describe, expect, it } from "vitest";

import { assertTokenizerFits, loadTokenizer } from "../../../src/index.ts";
import type { LoadedTokenizer, ModelConfig } from "../../../src/index.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { byteLevelJson, sentencePieceJson, unigramJson } from "../../support/tokenizer-json.ts";

const load = async (json: unknown, config?: object, map?: object): Promise<LoadedTokenizer> =>
  loadTokenizer("/m", {
    files: createMemoryFiles({
      "/m/tokenizer.json": typeof json === "string" ? json : JSON.stringify(json),
      ...(config === undefined ? {} : { "/m/tokenizer_config.json": JSON.stringify(config) }),
      ...(map === undefined ? {} : { "/m/special_tokens_map.json": JSON.stringify(map) }),
    }),
  });

const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false };
const splitMetaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };

/** Ids and texts as the Rust library gives them (Python package tokenizers 0.23.3, the same files). */
const golden: readonly (readonly [
  string,
  unknown,
  readonly (readonly [string, readonly number[], string])[],
])[] = [
  [
    "byte-level",
    byteLevelJson(),
    [
      ["hello the  the\n\n", [263, 258, 32, 258, 264], "hello the  the\n\n"],
      ["12é\uFEFF's", [266, 265, 239, 187, 191, 39, 115], "12é\uFEFF's"],
      ["<|begin|>hello<|end|> <tool>x", [268, 263, 269, 32, 270, 120], "<|begin|>hello<|end|> <tool>x"],
      ["    hello", [259, 32, 32, 263], "    hello"],
      ["\u0085's 🎉", [194, 133, 39, 115, 32, 267, 142, 137], "\u0085's 🎉"],
      ["", [], ""],
    ],
  ],
  [
    "SentencePiece with a normalizer",
    sentencePieceJson(),
    [
      ["hello the", [1, 259, 276, 272], "<s> hello the"],
      ["  the  the", [1, 274, 272, 259, 272], "<s>   the  the"],
      ["hello\n<s>the", [1, 259, 276, 13, 1, 272], "<s> hello\n<s> the"],
      ["é漢", [1, 259, 268, 233, 191, 165], "<s> é漢"],
      ["</s> the", [1, 2, 259, 272], "<s></s>  the"],
      ["", [1], "<s>"],
    ],
  ],
  [
    "SentencePiece with Metaspace",
    sentencePieceJson({ normalizer: null, pre_tokenizer: metaspace }),
    [
      ["hello the", [1, 259, 276, 272], "<s> hello the"],
      ["  the  the", [1, 259, 272, 259, 272], "<s>  the  the"],
      ["hello\n<s>the", [1, 259, 276, 13, 1, 264, 271], "<s> hello\n<s>the"],
      ["</s> the", [1, 2, 272], "<s></s> the"],
    ],
  ],
  [
    "Metaspace that splits, and decodes",
    sentencePieceJson({ normalizer: null, pre_tokenizer: splitMetaspace, decoder: splitMetaspace }),
    [
      ["  the  the", [1, 259, 272, 259, 272], "<s>  the  the"],
      ["hello\n<s>the", [1, 259, 276, 13, 1, 272], "<s> hello<0x0A><s> the"],
    ],
  ],
  [
    "Unigram",
    unigramJson(),
    [
      ["the hello hello", [4, 9, 9], "the hello hello"],
      ["helo z the", [3, 10, 8, 3, 0, 4], "helo <unk> the"],
      ["thel  lo<s>the", [4, 7, 3, 3, 11, 1, 4], "thel  lo<s> the"],
    ],
  ],
];

describe("loadTokenizer", () => {
  it.each(golden)("encodes and decodes as the Rust library does: %s", async (_, json, cases) => {
    const tokenizer = await load(json);
    for (const [text, ids, decoded] of cases) {
      expect([text, tokenizer.encode(text), tokenizer.decode(ids)]).toEqual([text, ids, decoded]);
    }
  });

  it("decodes invalid UTF-8 as the Rust library does", async () => {
    const pieces = await load(sentencePieceJson());
    expect(pieces.decode([198, 172])).toBe("é");
    expect(pieces.decode([198])).toBe("\uFFFD");
    expect(pieces.decode([198, 68])).toBe("\uFFFD\uFFFD");
    expect(pieces.decode([233, 191, 259])).toBe("\uFFFD\uFFFD ");
    expect(pieces.decode([242, 190, 194, 261])).toBe("\uFEFFh");
    expect(pieces.decode([259, 259, 261])).toBe(" h");
    const bytes = await load(byteLevelJson());
    expect(bytes.decode([0xc3])).toBe("\uFFFD");
    expect(bytes.decode([0xf0, 0x9f, 0x8e])).toBe("\uFFFD");
    expect(bytes.decode([0xc3, 268, 0xa9])).toBe("\uFFFD<|begin|>\uFFFD");
    expect(bytes.decode([0xc3, 268, 0xa9], { skipSpecialTokens: true })).toBe("é");
    expect(bytes.decode([0xef, 0xbb, 0xbf, 65])).toBe("\uFEFFA");
  });

  it("encodes a long text by Unigram", async () => {
    // Of millions of steps, which a busy machine may not make within the time limit of a prompt.
    const files = createMemoryFiles({ "/m/tokenizer.json": JSON.stringify(unigramJson()) });
    const tokenizer = await loadTokenizer("/m", { files, hasTimeLimit: false });
    expect(tokenizer.encode("l".repeat(300_000), { addSpecialTokens: false })).toHaveLength(300_001);
  });

  it("refuses Unigram with byte fallback, which would lose characters", async () => {
    const json = unigramJson() as { readonly model: object };
    const model = { ...json.model, byte_fallback: true };
    await expectModelError("UNSUPPORTED_TOKENIZER", () => load({ ...json, model }));
  });

  it("encodes a lone surrogate as U+FFFD, as every UTF-8 encoder does", async () => {
    const tokenizer = await load(byteLevelJson());
    expect(tokenizer.encode("a\uD800b")).toEqual(tokenizer.encode("a\uFFFDb"));
  });

  it("skips unknown ids when it decodes", async () => {
    const tokenizer = await load(byteLevelJson());
    expect(tokenizer.decode([72, 9999, -1, 105])).toBe("Hi");
    expect(tokenizer.tokenOf(9999)).toBeUndefined();
    expect([...tokenizer.bytesOf(9999)]).toEqual([]);
    expect(tokenizer.decode([])).toBe("");
  });

  it("returns the bytes of each token", async () => {
    const bytes = await load(byteLevelJson());
    for (let byte = 0; byte < 256; byte += 1) {
      expect([...bytes.bytesOf(byte)]).toEqual([byte]);
    }
    expect(new TextDecoder().decode(bytes.bytesOf(258))).toBe(" the");
    expect([...bytes.bytesOf(268)]).toEqual([]);
    expect(new TextDecoder().decode(bytes.bytesOf(270))).toBe("<tool>");
    expect(bytes.tokenOf(258)).toBe("Ġthe");
    const pieces = await load(sentencePieceJson());
    expect([...pieces.bytesOf(13)]).toEqual([10]);
    expect(new TextDecoder().decode(pieces.bytesOf(272))).toBe(" the");
    expect([...pieces.bytesOf(268)]).toEqual([0xc3, 0xa9]);
    expect([...pieces.bytesOf(1)]).toEqual([]);
    expect(pieces.tokenOf(13)).toBe("<0x0A>");
    expect(pieces.idOf("▁the")).toBe(272);
  });

  it("returns bytes that join to the text", async () => {
    const tokenizer = await load(byteLevelJson());
    const text = "hello the 漢字 é 🎉\n\n12 \u0000";
    const parts = tokenizer.encode(text).map((id) => Buffer.from(tokenizer.bytesOf(id)));
    expect(Buffer.concat(parts).toString("utf8")).toBe(text);
  });

  it("reads special tokens as strings, as objects, or from special_tokens_map.json", async () => {
    const asText = await load(byteLevelJson(), { bos_token: "<|begin|>", eos_token: { content: "<|end|>" } });
    expect(asText).toMatchObject({ bosTokenId: 268, eosTokenId: 269, vocabSize: 271 });
    const asMap = await load(
      byteLevelJson(),
      {},
      { bos_token: "<|begin|>", eos_token: { content: "<|end|>" } },
    );
    expect(asMap).toMatchObject({ bosTokenId: 268, eosTokenId: 269 });
    const none = await load(byteLevelJson(), { bos_token: null, eos_token: "not there" });
    expect(none).toMatchObject({ bosTokenId: undefined, eosTokenId: undefined });
  });

  it("skips tokens that are special only by the settings", async () => {
    const tokenizer = await load(byteLevelJson(), { additional_special_tokens: ["<tool>"] });
    expect(tokenizer.specialTokenIds).toEqual(new Set([268, 269, 270]));
    expect(tokenizer.decode([65, 270, 66], { skipSpecialTokens: true })).toBe("AB");
  });

  it("adds special tokens by the settings, else by the file", async () => {
    const named = { bos_token: "<|begin|>", eos_token: "<|end|>" };
    const encode = async (json: unknown, config: object): Promise<number[]> =>
      (await load(json, config)).encode("A");
    expect(await encode(byteLevelJson(), named)).toEqual([65]);
    expect(await encode(byteLevelJson(), { ...named, add_bos_token: true })).toEqual([268, 65]);
    expect(await encode(byteLevelJson(), { ...named, add_eos_token: true })).toEqual([65, 269]);
    expect(await encode(byteLevelJson(), { add_bos_token: true })).toEqual([65]);
    const pieces = { bos_token: "<s>", eos_token: "</s>" };
    expect((await encode(sentencePieceJson(), pieces))[0]).toBe(1);
    expect((await encode(sentencePieceJson(), { ...pieces, add_bos_token: false }))[0]).toBe(259);
    const tokenizer = await load(sentencePieceJson(), pieces);
    expect(tokenizer.encode("the", { addSpecialTokens: false })).toEqual([272]);
    expect(tokenizer.encode("", { addSpecialTokens: false })).toEqual([]);
  });

  it("uses tokens that only added_tokens_decoder names", async () => {
    const added = { 271: { content: "<more>", special: true } };
    const tokenizer = await load(byteLevelJson(), { added_tokens_decoder: added });
    expect(tokenizer.encode("A<more>")).toEqual([65, 271]);
    expect(tokenizer.vocabSize).toBe(272);
    expect(tokenizer.specialTokenIds.has(271)).toBe(true);
  });

  it("never cleans up spaces, whatever the settings", async () => {
    const tokenizer = await load(byteLevelJson(), { clean_up_tokenization_spaces: true });
    const text = "it 's . A , B n't ?";
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it("reads merges as pairs, and vocabularies with names of Object's own", async () => {
    const json = byteLevelJson() as { model: { merges: string[]; vocab: Record<string, number> } };
    const merges = json.model.merges.map((merge) => merge.split(" "));
    const vocab = { ...json.model.vocab, constructor: 268, toString: 269 };
    const tokenizer = await load({ ...json, added_tokens: [], model: { ...json.model, merges, vocab } });
    expect(tokenizer.encode("hello the")).toEqual([263, 258]);
    expect(tokenizer.tokenOf(268)).toBe("constructor");
    expect(tokenizer.encode("constructor __proto__")).toHaveLength(21);
  });

  it("encodes long texts of one letter, one space or one word in time", async () => {
    for (const json of [byteLevelJson(), sentencePieceJson()]) {
      const tokenizer = await load(json);
      for (const text of ["h".repeat(50_000), " ".repeat(50_000), "hello".repeat(10_000)]) {
        expect(tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false })).trimStart()).toBe(
          text.trimStart(),
        );
      }
    }
  });

  it("says which formats work where tokenizer.json is missing", async () => {
    const without = async (files: Record<string, string>): Promise<unknown> =>
      loadTokenizer("/m", { files: createMemoryFiles({ "/m/config.json": "{}", ...files }) });
    await expectModelError("FILE_MISSING", async () => without({}));
    const error = await expectModelError("UNSUPPORTED_TOKENIZER", async () =>
      without({ "/m/tekken.json": "x" }),
    );
    expect(error.message).toContain("tekken.json");
    expect(error.message).toContain("save_pretrained");
  });

  const model = byteLevelJson()["model"] as object;
  const broken: readonly (readonly [string, unknown, string])[] = [
    ["a list", [], "an object"],
    ["no model", { added_tokens: [] }, "model"],
    ["a vocabulary that is a list", byteLevelJson({ model: { ...model, vocab: [] } }), "model.vocab"],
    ["an id below 0", byteLevelJson({ model: { ...model, vocab: { a: -1 } } }), 'model.vocab["a"]'],
    ["an id of 4 billion", byteLevelJson({ model: { ...model, vocab: { a: 4e9 } } }), "16777215"],
    ["an id that is a text", byteLevelJson({ model: { ...model, vocab: { a: "1" } } }), "model.vocab"],
    ["merges of three", byteLevelJson({ model: { ...model, merges: [["a", "b", "c"]] } }), "model.merges"],
    ["no merges", byteLevelJson({ model: { ...model, merges: undefined } }), "model.merges"],
    [
      "an added token with a huge id",
      byteLevelJson({ added_tokens: [{ id: 2 ** 40, content: "x" }] }),
      "added_tokens",
    ],
    ["an added token without a text", byteLevelJson({ added_tokens: [{ id: 1 }] }), "added_tokens"],
    ["a decoder that is a text", byteLevelJson({ decoder: "ByteLevel" }), "decoder"],
    [
      "a pattern that does not compile",
      byteLevelJson({
        pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false },
      }),
      "expected a tokenizer that encodes",
    ],
    [
      "a begin token that is no token",
      byteLevelJson({
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "<none>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
          pair: [],
          special_tokens: {},
        },
      }),
      "special_tokens",
    ],
    ["an unknown normalizer", byteLevelJson({ normalizer: { type: "Rot13" } }), "Rot13"],
  ];
  it.each(broken)("refuses %s", async (_, json, mention) => {
    const error = await expectModelError("INVALID_TOKENIZER", async () => load(json));
    expect(error.message).toContain(mention);
    expect(error.file).toBe("/m/tokenizer.json");
  });

  it("refuses unsupported types of models", async () => {
    const wordPiece = byteLevelJson({ model: { type: "WordPiece", vocab: { a: 0 }, unk_token: "a" } });
    const error = await expectModelError("UNSUPPORTED_TOKENIZER", async () => load(wordPiece));
    expect(error.message).toContain("WordPiece");
    await expectModelError("UNSUPPORTED_TOKENIZER", async () =>
      load(byteLevelJson({ decoder: { type: "CTC" } })),
    );
    await expectModelError("INVALID_JSON", async () => load("{"));
  });
});

describe("assertTokenizerFits", () => {
  it("refuses a tokenizer with ids that the embedding lacks", async () => {
    const tokenizer = await load(byteLevelJson());
    const config = (vocabSize: number, eosTokenIds: readonly number[] = [2]): ModelConfig =>
      ({ vocabSize, eosTokenIds }) as unknown as ModelConfig;
    expect(() => assertTokenizerFits(tokenizer, config(271))).not.toThrow();
    expect(() => assertTokenizerFits(tokenizer, config(320))).not.toThrow();
    const error = await expectModelError("TOKENIZER_VOCAB_MISMATCH", () =>
      assertTokenizerFits(tokenizer, config(270)),
    );
    expect(error.message).toContain(
      '"vocab_size": expected more than 270, the id of the token "<tool>", got',
    );
    const strange = await expectModelError("TOKENIZER_VOCAB_MISMATCH", () =>
      assertTokenizerFits(tokenizer, config(320, [2, 271])),
    );
    expect(strange.message).toMatch(/from 0 to 270, got 271$/);
  });
});
