import { describe, expect, it } from "vitest";

import { loadTokenizer } from "../../src/index.ts";
import type { LoadedTokenizer } from "../../src/index.ts";
import { createMemoryFiles } from "../support/memory-files.ts";
import { expectModelError } from "../support/model-error.ts";
import { byteLevelJson } from "../support/tokenizer-json.ts";

const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const gpt2 = { ...bytes, use_regex: true };

/** Ids as the Rust library gives them (Python package tokenizers 0.23.3, the same file). */
const golden: readonly (readonly [
  string,
  readonly object[],
  readonly (readonly [string, readonly number[]])[],
])[] = [
  [
    "single digits of every script, then GPT-2's pattern",
    [{ type: "Digits", individual_digits: true }, gpt2],
    [
      ["the\n\n\u00b2 the", [116, 257, 264, 194, 178, 258]],
      ["hello\u0661\u0662  the\n\n\u216312", [263, 217, 161, 217, 162, 32, 258, 264, 226, 133, 163, 49, 50]],
    ],
  ],
  [
    "runs of digits",
    [{ type: "Digits", individual_digits: false }, bytes],
    [
      ["the12 the", [116, 257, 266, 258]],
      ["  \u00b212\n\n", [259, 194, 178, 266, 264]],
    ],
  ],
  [
    "punctuation, each by itself",
    [{ type: "Punctuation", behavior: "Isolated" }, bytes],
    [["hello!  the\u2026  ", [263, 33, 32, 258, 226, 128, 166, 259]]],
  ],
  [
    "matches that join what is before them",
    [{ type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false }, bytes],
    [["hello  the    the ", [263, 32, 32, 116, 257, 32, 32, 32, 32, 116, 257, 32]]],
  ],
  [
    "matches that join what is after them",
    [{ type: "Split", pattern: { String: " " }, behavior: "MergedWithNext", invert: false }, bytes],
    [["hello  the    the ", [263, 32, 258, 32, 32, 32, 258, 32]]],
  ],
  [
    "runs of matches",
    [{ type: "Split", pattern: { Regex: " |h" }, behavior: "Contiguous", invert: false }, bytes],
    [["hello  the    the ", [104, 101, 261, 111, 259, 116, 104, 101, 260, 116, 104, 101, 32]]],
  ],
  [
    "matches that are dropped",
    [{ type: "Split", pattern: { Regex: "( |o)(?=t)" }, behavior: "Removed", invert: false }, bytes],
    [["hello  the o the ", [263, 32, 116, 257, 32, 111, 116, 257, 32]]],
  ],
  [
    "only the matches, each by itself or with what is between",
    [{ type: "Split", pattern: { Regex: "[a-z]+" }, behavior: "Isolated", invert: true }, bytes],
    [["hello  the  12", [263, 259, 116, 257, 259, 266]]],
  ],
  [
    "only the matches",
    [{ type: "Split", pattern: { Regex: "[a-z]+| (?=t)" }, behavior: "Removed", invert: true }, bytes],
    [["hello  the  12", [263, 32, 116, 257]]],
  ],
  [
    "white space that is dropped",
    [{ type: "WhitespaceSplit" }, bytes],
    [["hello\u0085the\ufeff  the", [263, 116, 257, 239, 187, 191, 116, 257]]],
  ],
  [
    "words",
    [{ type: "Whitespace" }, bytes],
    [["hello, the\u0085\ufeff !?  the", [263, 44, 116, 257, 239, 187, 191, 33, 63, 116, 257]]],
  ],
];

const load = async (pretokenizers: readonly object[]): Promise<LoadedTokenizer> =>
  loadTokenizer("/m", {
    files: createMemoryFiles({
      "/m/tokenizer.json": JSON.stringify(
        byteLevelJson({ pre_tokenizer: { type: "Sequence", pretokenizers } }),
      ),
    }),
  });

describe("splits", () => {
  it.each(golden)("are those of the Rust library: %s", async (_, steps, cases) => {
    const tokenizer = await load(steps);
    for (const [text, ids] of cases) {
      expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
    }
  });

  it.each(["MergedWithPrevious", "Contiguous", "Sideways"])(
    "are refused where they are not known: %s, inverted",
    async (behavior) => {
      const steps = [{ type: "Split", pattern: { String: " " }, behavior, invert: true }, bytes];
      await expectModelError("UNSUPPORTED_TOKENIZER", () => load(steps));
    },
  );
});
