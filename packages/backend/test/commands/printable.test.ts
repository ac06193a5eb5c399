import { expect, test } from "vitest";
import { toPrintable } from "../../src/commands/printable.ts";

test("a model's control characters are shown and not obeyed", () => {
  expect(toPrintable("a\u001B[2Jb\r\u0000\u007F\u009B")).toBe("a␛[2Jb␍␀␡\uFFFD");
});

test("text, tabs and lines stay as they are", () => {
  expect(toPrintable("one\ttwo\nthree é 好 🙂")).toBe("one\ttwo\nthree é 好 🙂");
});
