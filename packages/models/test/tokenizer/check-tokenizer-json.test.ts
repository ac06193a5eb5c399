import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { loadTokenizer, ModelError } from "../../src/index.ts";
import type { LoadedTokenizer } from "../../src/index.ts";
import { fixturesDirectory, readJson } from "../support/fixtures.ts";
import { createMemoryFiles } from "../support/memory-files.ts";
import { expectModelError } from "../support/model-error.ts";
import { byteLevelJson, unigramJson } from "../support/tokenizer-json.ts";

/** A change of a small tokenizer, and the Rust library's verdict. */
interface DamageCase {
  readonly tokenizer: string;
  readonly path: readonly (string | number)[];
  /** The new value; absent where the field is removed. */
  readonly value?: unknown;
  readonly loads: boolean;
  readonly ids?: readonly (readonly number[])[];
}

const golden = JSON.parse(
  readFileSync(join(fixturesDirectory, "golden", "damaged-tokenizers.json"), "utf8"),
) as {
  readonly texts: readonly string[];
  readonly cases: readonly DamageCase[];
};

function damaged({ tokenizer, path, ...change }: DamageCase): unknown {
  const json = readJson(join(fixturesDirectory, "tokenizers", tokenizer, "tokenizer.json"));
  const last = path.at(-1) ?? "";
  let holder = json;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
  if ("value" in change) holder[last] = change.value;
  else if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else Reflect.deleteProperty(holder, last);
  return json;
}

const load = async (json: unknown): Promise<LoadedTokenizer> =>
  loadTokenizer("/m", { files: createMemoryFiles({ "/m/tokenizer.json": JSON.stringify(json) }) });

async function verdictOf(each: DamageCase): Promise<readonly (readonly number[])[] | ModelError> {
  try {
    const tokenizer = await load(damaged(each));
    return golden.texts.map((text) => tokenizer.encode(text));
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
}

describe("a damaged tokenizer.json", () => {
  it.each([...new Set(golden.cases.map(({ tokenizer }) => tokenizer))])(
    "is refused where the Rust library refuses it, and else gives its tokens or is refused: %s",
    async (name) => {
      const cases = golden.cases.filter(({ tokenizer }) => tokenizer === name);
      const wrong: string[] = [];
      let equalCount = 0;
      for (const each of cases) {
        const verdict = await verdictOf(each);
        const isRefused = verdict instanceof ModelError;
        if (isRefused) {
          expect(verdict.message).toContain("tokenizer.json");
        } else if (!each.loads || JSON.stringify(verdict) !== JSON.stringify(each.ids)) {
          wrong.push(`${each.path.join(".")} = ${JSON.stringify(each.value)}`);
        } else {
          equalCount += 1;
        }
      }
      expect(wrong).toEqual([]);
      // Stricter than the reference only where ids would have two meanings, or a step is not supported.
      expect(equalCount).toBeGreaterThan(0.8 * cases.filter(({ loads }) => loads).length);
    },
  );

  const unigram = unigramJson() as { readonly model: { readonly vocab: readonly unknown[] } };
  const piece = (each: unknown): unknown => ({
    ...unigram,
    model: { ...unigram.model, vocab: [...unigram.model.vocab, each] },
  });
  const model = byteLevelJson()["model"] as { readonly vocab: object; readonly merges: readonly string[] };
  const added = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const steps = Array.from({ length: 300 }, () => ({ type: "NFC" }));
  it.each([
    ["a piece of three", piece(["a", 1, 2]), "model.vocab[13]"],
    ["a piece without a score", piece(["a"]), "model.vocab[13]"],
    ["no pieces", { ...unigram, model: { ...unigram.model, vocab: [] } }, "model.vocab"],
    ["an unknown piece outside", { ...unigram, model: { ...unigram.model, unk_id: 13 } }, "model.unk_id"],
    [
      "two tokens with one id",
      byteLevelJson({ model: { ...model, vocab: { ...model.vocab, zz: 5 } } }),
      'model.vocab["zz"]',
    ],
    [
      "an id far above the others",
      byteLevelJson({ model: { ...model, vocab: { ...model.vocab, zz: 2 ** 20 } } }),
      "model.vocab",
    ],
    [
      "a token of megabytes",
      byteLevelJson({ model: { ...model, vocab: { ...model.vocab, ["z".repeat(2 ** 20)]: 268 } } }),
      "model.vocab",
    ],
    [
      "an added token with the id of another",
      byteLevelJson({ added_tokens: [{ id: 5, content: "<other>", ...added }] }),
      "added_tokens[0].id",
    ],
    [
      "more added tokens than there is sense in",
      byteLevelJson({
        added_tokens: Array.from({ length: 70_000 }, (_, id) => ({ id, content: `${id}`, ...added })),
      }),
      "added_tokens",
    ],
    [
      "a pattern of megabytes",
      byteLevelJson({
        pre_tokenizer: {
          type: "Split",
          pattern: { Regex: "a?".repeat(2 ** 20) },
          behavior: "Isolated",
          invert: false,
        },
      }),
      "pre_tokenizer.pattern.Regex",
    ],
    [
      "hundreds of steps",
      byteLevelJson({ normalizer: { type: "Sequence", normalizers: steps } }),
      "normalizer",
    ],
    [
      "a decoder that makes much of little",
      byteLevelJson({
        decoder: {
          type: "Sequence",
          decoders: Array.from({ length: 20 }, () => ({
            type: "Replace",
            pattern: { String: "a" },
            content: "aa",
          })),
        },
      }),
      "decoder",
    ],
  ])("is refused by name of the field: %s", async (_, json, field) => {
    const error = await expectModelError("INVALID_TOKENIZER", async () => load(json));
    expect(error.field).toContain(field);
    expect(error.message).toContain("/m/tokenizer.json");
    expect(error.message).toMatch(/: expected .*, got /);
    expect(error.message.length).toBeLessThan(1000);
  });

  it("is refused however deep its steps are nested", async () => {
    const depth = 5000;
    const steps = `${'{"type":"Sequence","normalizers":['.repeat(depth)}${"]}".repeat(depth)}`;
    const json = JSON.stringify(byteLevelJson()).replace('"normalizer":null', `"normalizer":${steps}`);
    expect(json).toContain(steps);
    const files = createMemoryFiles({ "/m/tokenizer.json": json });
    await expectModelError("INVALID_TOKENIZER", async () => loadTokenizer("/m", { files }));
  });
});

describe("a hostile tokenizer", () => {
  const endless = { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "x" };
  const text = `${"a".repeat(40)}!`;

  // While it loads: test/hostile/judgement.test.ts.
  it("fails on a text that exceeds the time limit, and encodes the next", async () => {
    const tokenizer = await load(byteLevelJson({ normalizer: endless }));
    const error = await expectModelError("TOKENIZER_FAILED", () => tokenizer.encode(text));
    expect(error.message).toContain("did not end within");
    expect(tokenizer.encode("hello the")).toEqual([263, 258]);
  });

  it("refuses to grow a text beyond its limit, and inserts content literally", async () => {
    const double = { type: "Replace", pattern: { String: "z" }, content: "zz" };
    const growing = { type: "Sequence", normalizers: Array.from({ length: 40 }, () => double) };
    const tokenizer = await load(byteLevelJson({ normalizer: growing }));
    await expectModelError("TOKENIZER_FAILED", () => tokenizer.encode("zz"));
    expect(tokenizer.encode("hello")).toEqual([263]);
    const prepending = {
      type: "Sequence",
      normalizers: Array.from({ length: 40 }, () => ({ type: "Prepend", prepend: "y".repeat(4096) })),
    };
    await expectModelError("INVALID_TOKENIZER", async () => load(byteLevelJson({ normalizer: prepending })));
    const dollar = await load(
      byteLevelJson({ normalizer: { type: "Replace", pattern: { String: "e" }, content: "$&" } }),
    );
    expect(dollar.decode(dollar.encode("hel"))).toBe("h$&l");
  });
});
