import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorCodes, errorEntry } from "../../../src/api/shared/error-catalog.ts";

test("every code has one row in docs/errors/http.md, with its status", () => {
  const page = readFileSync(new URL("../../../../../docs/errors/http.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)].map(
    ([, status, code]) => `${code} ${status}`,
  );
  const codes = errorCodes.map((code) => `${code} ${errorEntry(code).status}`);
  expect(rows.toSorted()).toEqual(codes.toSorted());
});
