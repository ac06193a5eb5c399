import { expect, test } from "vitest";
import { formatCount, formatRows, toPrintable } from "../../src/commands/terminal-text.ts";

const rows = [
  ["system", "linux, x64"],
  ["processor", "one\n2 cores; avx avx2 fma f16c avx512f"],
] as const;

test("aligns values in a column", () => {
  expect(formatRows(rows)).toBe(
    ["system     linux, x64", "processor  one", "           2 cores; avx avx2 fma f16c avx512f"].join("\n"),
  );
});

test("wraps long values between words in a narrow terminal", () => {
  expect(formatRows(rows, 35).split("\n")).toEqual([
    "system     linux, x64",
    "processor  one",
    "           2 cores; avx avx2 fma",
    "           f16c avx512f",
  ]);
});

test("does not break a word that is longer than a line", () => {
  const word = "x".repeat(50);
  expect(formatRows([["path", `at ${word} here`]], 30)).toBe(`path  at\n      ${word}\n      here`);
});

test("replaces control characters", () => {
  expect(toPrintable("a\u001B[2Jb\r\u0000\u007F\u009B")).toBe("a␛[2Jb␍␀␡\uFFFD");
});

test("keeps text, tabs and line breaks", () => {
  expect(toPrintable("one\ttwo\nthree é 好 🙂")).toBe("one\ttwo\nthree é 好 🙂");
});

test.each([
  [999, "999"],
  [96_576, "96.6K"],
  [2_164_416, "2.2M"],
  [8_030_261_248, "8.03B"],
])("writes the count %i as %s", (count, text) => {
  expect(formatCount(count)).toBe(text);
});
