import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { encodeGguf, f32s, i32s, text, texts, u32 } from "../../support/gguf-file.ts";
import type { MetadataValue } from "../../support/gguf-file.ts";
import { tokenizerMetadata } from "../../support/convert-to-gguf.ts";
import { loadModelText, type StoredText } from "../../../src/index.ts";
import { fixturesDirectory } from "../../support/fixtures.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";

const path = "/models/a.gguf";

async function load(metadata: Readonly<Record<string, MetadataValue>>): Promise<StoredText> {
  const content = { metadata: { "general.architecture": text("llama"), ...metadata }, tensors: {} };
  return loadModelText(path, { files: createMemoryFiles({ [path]: encodeGguf(content) }) });
}

interface Golden {
  readonly vocabSize: number;
  readonly strings: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly decoded: string;
    readonly idsWithSpecial: readonly number[];
    readonly decodedSkipSpecial: string;
  }[];
}

describe("encodes and decodes as transformers does with the tokenizer that was converted", () => {
  it.each([
    ["llama2", "", []],
    ["gemma", "", []],
    ["llama3", "llama-bpe", []],
    ["qwen2", "qwen2", []],
    ["tekken", "tekken", []],
  ])("%s", async (name, pre) => {
    const directory = join(fixturesDirectory, "tokenizers", name);
    const golden = JSON.parse(
      readFileSync(join(fixturesDirectory, "golden", `tokenizer-${name}.json`), "utf8"),
    ) as Golden;
    const { tokenizer } = await load(tokenizerMetadata(directory, undefined, pre));
    expect(tokenizer.vocabSize).toBe(golden.vocabSize);
    for (const { text: given, ids, idsWithSpecial, decoded, decodedSkipSpecial } of golden.strings) {
      expect({
        given,
        ids: tokenizer.encode(given, { addSpecialTokens: false }),
        idsWithSpecial: tokenizer.encode(given),
        decoded: tokenizer.decode(idsWithSpecial),
        decodedSkipSpecial: tokenizer.decode(idsWithSpecial, { skipSpecialTokens: true }),
      }).toEqual({ given, ids, idsWithSpecial, decoded, decodedSkipSpecial });
    }
  });
});

// The `models` directory of llama.cpp, which the source package of llama-cpp-python has, too.
const vocabularies = process.env["INFERNODE_TEST_GGUF_VOCABULARIES"] ?? "";
const reason = vocabularies === "" ? " (skipped: INFERNODE_TEST_GGUF_VOCABULARIES names no directory)" : "";

describe.skipIf(!existsSync(vocabularies))(`encodes as llama.cpp does${reason}`, () => {
  it.each([
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gpt-2",
    "llama-bpe",
    "llama-spm",
    "mpt",
    "phi-3",
    "qwen2",
    "refact",
    "starcoder",
  ])("%s", async (name) => {
    const file = join(vocabularies, `ggml-vocab-${name}.gguf`);
    const given = readFileSync(`${file}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
    const ids = readFileSync(`${file}.out`, "utf8").split("\n");
    const { tokenizer } = await loadModelText(file);
    expect(given.map((each) => tokenizer.encode(each, { addSpecialTokens: false }))).toEqual(
      given.map((_, at) => (ids[at] ?? "").split(" ").filter(Boolean).map(Number)),
    );
  });
});

/** A byte-level vocabulary of a few tokens. */
const small: Readonly<Record<string, MetadataValue>> = {
  "tokenizer.ggml.model": text("gpt2"),
  "tokenizer.ggml.pre": text("gpt-2"),
  "tokenizer.ggml.tokens": texts(["<s>", "</s>", "a", "b", "ab", "Ġ", "<|im_end|>", "<user>"]),
  "tokenizer.ggml.token_type": i32s([3, 3, 1, 1, 1, 1, 3, 4]),
  "tokenizer.ggml.merges": texts(["a b"]),
  "tokenizer.ggml.bos_token_id": u32(0),
  "tokenizer.ggml.eos_token_id": u32(1),
};

describe("splits texts by the pattern of the tokenizer's kind, and merges within words only", () => {
  const tokens = ["<s>", "</s>", "1", "2", "12", "a", "B", "aB", "t", "'", "s", "t'"];
  it.each([
    ["dbrx", ["12"], ["aB"], ["t", "'", "s"]],
    ["gpt-4o", ["12"], ["a", "B"], ["t'", "s"]],
    ["stablelm2", ["1", "2"], ["aB"], ["t", "'", "s"]],
  ])("%s", async (pre, ...wanted) => {
    const { tokenizer } = await load({
      ...small,
      "tokenizer.ggml.pre": text(pre),
      "tokenizer.ggml.tokens": texts(tokens),
      "tokenizer.ggml.token_type": i32s(tokens.map((_, id) => (id < 2 ? 3 : 1))),
      "tokenizer.ggml.merges": texts(["1 2", "a B", "t '"]),
    });
    const found = ["12", "aB", "t's"].map((each) => tokenizer.encode(each).map((id) => tokens[id]));
    expect(found).toEqual(wanted);
  });
});

// Tokens of the Rust library with the pre-tokenizer of Falcon's `tokenizer.json`.
it.each([
  ["gpt-2", ["1234"], ["Ġ12"], ["Ð¼"]],
  ["falcon", ["123", "4"], ["Ġ", "12"], ["Ð", "¼"]],
])("%s: splits digits, and bytes that look like them", async (pre, ...wanted) => {
  const tokens = ["<s>", "</s>", "1", "2", "3", "4", "12", "123", "1234", "Ġ", "Ġ12", "Ð", "¼", "Ð¼"];
  const { tokenizer } = await load({
    ...small,
    "tokenizer.ggml.pre": text(pre),
    "tokenizer.ggml.tokens": texts(tokens),
    "tokenizer.ggml.token_type": i32s(tokens.map((_, id) => (id < 2 ? 3 : 1))),
    "tokenizer.ggml.merges": texts(["1 2", "12 3", "123 4", "Ġ 12", "Ð ¼"]),
  });
  const found = ["1234", " 12", "м"].map((each) => tokenizer.encode(each).map((id) => tokens[id]));
  expect(found).toEqual(wanted);
});

describe("what the metadata says about tokens", () => {
  it("ends an answer at the named tokens and at those that llama.cpp knows", async () => {
    expect((await load(small)).endTokenIds).toEqual([1, 6]);
    expect((await load({ ...small, "tokenizer.ggml.eot_token_id": u32(7) })).endTokenIds).toEqual([1, 7, 6]);
  });

  it.each([
    ["of Phi-3", ["<|endoftext|>", 3], ["<|end|>", 3], ["<|endoftext|>", "<|end|>"]],
    [
      "that a converter did not mark as control tokens",
      ["</s>", 3],
      ["<|im_end|>", 4],
      ["</s>", "<|im_end|>"],
    ],
    ["but not words of a text", ["<eos>", 3], ["</s>", 4], ["<eos>"]],
    ["of older converters", ["</s>", 3], ["<|im_end|>", 1], ["</s>", "<|im_end|>"]],
  ] as const)("ends an answer at the tokens %s", async (...[, [eos, eosType], [other, otherType], ends]) => {
    const { tokenizer, endTokenIds } = await load({
      ...small,
      "tokenizer.ggml.tokens": texts(["<s>", eos, "a", "b", "ab", "Ġ", other, "<user>"]),
      "tokenizer.ggml.token_type": i32s([3, eosType, 1, 1, 1, 1, otherType, 4]),
    });
    expect(new Set(endTokenIds?.map((id) => tokenizer.tokenOf(id)))).toEqual(new Set<string>(ends));
  });

  it("does not end an answer at the end of a message within it", async () => {
    const { tokenizer, endTokenIds } = await load({
      ...small,
      "tokenizer.ggml.tokens": texts(["<s>", "<|return|>", "a", "b", "ab", "<|end|>", "<|call|>", "<user>"]),
      "tokenizer.ggml.token_type": i32s([3, 3, 1, 1, 1, 3, 3, 4]),
      "tokenizer.ggml.eot_token_id": u32(5),
    });
    expect(endTokenIds?.map((id) => tokenizer.tokenOf(id))).toEqual(["<|return|>", "<|call|>"]);
  });

  it("starts a text as the file says, else as the kind of tokenizer does", async () => {
    const encode = async (more: Readonly<Record<string, MetadataValue>>): Promise<number[]> =>
      (await load({ ...small, ...more })).tokenizer.encode("ab");
    const [on, off] = [
      { type: 7, bytes: Uint8Array.of(1) },
      { type: 7, bytes: Uint8Array.of(0) },
    ];
    expect(await encode({})).toEqual([4]);
    expect(await encode({ "tokenizer.ggml.add_bos_token": on })).toEqual([0, 4]);
    expect(await encode({ "tokenizer.ggml.pre": text("llama-bpe") })).toEqual([0, 4]);
    expect(
      await encode({ "tokenizer.ggml.pre": text("llama-bpe"), "tokenizer.ggml.add_bos_token": off }),
    ).toEqual([4]);
    expect(await encode({ "tokenizer.ggml.add_eos_token": on })).toEqual([4, 1]);
  });

  it("finds added tokens in a text, and leaves out only special ones of an answer", async () => {
    const { tokenizer } = await load(small);
    expect(tokenizer.encode("a<user>b<|im_end|>")).toEqual([2, 7, 3, 6]);
    expect(tokenizer.decode([2, 7, 3, 6], { skipSpecialTokens: true })).toBe("a<user>b");
  });

  it("takes the space after the special tokens of Phi-3", async () => {
    const encode = async (architecture: string): Promise<number[]> => {
      const { tokenizer } = await load({
        "general.architecture": text(architecture),
        "tokenizer.ggml.model": text("llama"),
        "tokenizer.ggml.tokens": texts(["<unk>", "<s>", "<|end|>", "▁", "a", "\n"]),
        "tokenizer.ggml.token_type": i32s([2, 3, 3, 1, 1, 1]),
        "tokenizer.ggml.scores": f32s([0, 0, 0, 0, 0, 0]),
      });
      return tokenizer.encode("<s>\na<|end|>\n a", { addSpecialTokens: false });
    };
    expect(await encode("llama")).toEqual([1, 3, 5, 4, 2, 3, 5, 3, 4]);
    expect(await encode("phi3")).toEqual([1, 3, 5, 4, 2, 3, 4]);
  });

  it("renders the chat template of the file", async () => {
    const template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}";
    const { chatTemplate } = await load({ ...small, "tokenizer.chat_template": text(template) });
    expect(chatTemplate?.render([{ role: "user", content: "hi" }])).toBe("<s>[user]hi");
    expect((await load(small)).chatTemplate).toBeUndefined();
    const both = {
      "tokenizer.chat_template": text("plain"),
      "tokenizer.chat_template.tool_use": text("{{ tools | length }} tools"),
    };
    const named = (await load({ ...small, ...both })).chatTemplate;
    expect(named?.render([{ role: "user", content: "hi" }])).toBe("plain");
    expect(named?.render([{ role: "user", content: "hi" }], { variables: { tools: [{}] } })).toBe("1 tools");
  });
});

describe("refuses with a code", () => {
  it.each<[string, Parameters<typeof expectModelError>[0], Readonly<Record<string, MetadataValue>>, string]>([
    [
      "another model",
      "UNSUPPORTED_TOKENIZER",
      { "tokenizer.ggml.model": text("t5") },
      "tokenizer.ggml.model",
    ],
    [
      "another split",
      "UNSUPPORTED_TOKENIZER",
      { "tokenizer.ggml.pre": text("chatglm-bpe") },
      "tokenizer.ggml.pre",
    ],
    ["no texts", "INVALID_TOKENIZER", { "tokenizer.ggml.tokens": i32s([1]) }, "tokenizer.ggml.tokens"],
    [
      "a token twice",
      "INVALID_TOKENIZER",
      { "tokenizer.ggml.tokens": texts(["a", "b", "a"]) },
      "expected each token once",
    ],
    [
      "a merge of unknown tokens",
      "INVALID_TOKENIZER",
      { "tokenizer.ggml.merges": texts(["a z"]) },
      "model.merges[0]",
    ],
    ["a template that is no text", "INVALID_CHAT_TEMPLATE", { "tokenizer.chat_template": u32(1) }, "a.gguf"],
    [
      "tokens that take minutes to merge",
      "INVALID_TOKENIZER",
      {
        "tokenizer.ggml.model": text("llama"),
        "tokenizer.ggml.tokens": texts(Array.from({ length: 70 }, (_, at) => `${at}`.padEnd(4000, "x"))),
        "tokenizer.ggml.token_type": i32s(Array.from({ length: 70 }, () => 1)),
        "tokenizer.ggml.scores": f32s(Array.from({ length: 70 }, () => 0)),
      },
      "too long to be merged",
    ],
  ])("%s", async (...[, code, more, part]) => {
    const error = await expectModelError(code, async () => load({ ...small, ...more }));
    expect(error.message).toContain(part);
  });

  it("no tokenizer at all", async () => {
    await expectModelError("UNSUPPORTED_TOKENIZER", async () => load({}));
  });
});
