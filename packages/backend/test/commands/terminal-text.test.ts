import { expect, test } from "vitest";
import { formatRows } from "../../src/commands/terminal-text.ts";

const rows = [
  ["system", "linux, x64"],
  ["processor", "one\n2 cores; avx avx2 fma f16c avx512f"],
] as const;

test("puts values below each other", () => {
  expect(formatRows(rows)).toBe(
    ["system     linux, x64", "processor  one", "           2 cores; avx avx2 fma f16c avx512f"].join("\n"),
  );
});

test("breaks long values between words where the terminal is narrow", () => {
  expect(formatRows(rows, 35).split("\n")).toEqual([
    "system     linux, x64",
    "processor  one",
    "           2 cores; avx avx2 fma",
    "           f16c avx512f",
  ]);
});

test("leaves a word whole that is longer than a line", () => {
  const word = "x".repeat(50);
  expect(formatRows([["path", `at ${word} here`]], 30)).toBe(`path  at\n      ${word}\n      here`);
});
