import { expect, test } from "vitest";
import { formatBytes } from "../src/index.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.50 KiB"],
  [-1536, "-1.50 KiB"],
  [12.85 * 2 ** 20, "12.8 MiB"],
  [2 ** 30 - 1, "1023 MiB"],
  [5 * 2 ** 30, "5.00 GiB"],
  [3 * 2 ** 50, "3.00 PiB"],
  [3000 * 2 ** 50, "3000 PiB"],
])("writes %d bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
