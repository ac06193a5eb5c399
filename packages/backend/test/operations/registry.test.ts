import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createOperationFinder, operations } from "../../src/operations/registry.ts";

const src = fileURLToPath(new URL("../../src/", import.meta.url));
/** Sources by their path from `src`. */
const texts = new Map(
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path.replaceAll("\\", "/"), readFileSync(join(src, path), "utf8")]),
);
/**
 * Everything between the caller of an operation and the registry. A remote server is called in a wire format; adapters
 * are loaded by operations of their own.
 */
const between = [...texts].filter(([path]) => /^models\/(?!remote\/|adapters\/)/.test(path));

test("finds each operation by its name, and says which there are", () => {
  const find = createOperationFinder(operations);
  expect(operations.map(({ name }) => find(name))).toEqual(operations);
  expect(() => find("dance")).toThrow(
    expect.objectContaining({
      code: "UNKNOWN_OPERATION",
      message: expect.stringMatching(/generate.*"dance"/),
    }),
  );
});

test.each(operations)("$name takes one file and one line of the registry", ({ name }) => {
  expect(texts.get(`operations/${name}.ts`)).toContain(`name: "${name}"`);
  const importing = between.filter(([, text]) => text.includes(`/operations/${name}.ts"`));
  // A restarted engine generates two tokens as a self-test.
  expect(importing.map(([path]) => path)).toEqual(
    name === "generate" ? ["models/local/engine-process.ts"] : [],
  );
  expect(between.filter(([, text]) => text.includes(`"${name}"`)).map(([path]) => path)).toEqual([]);
});

test("operations and everything between the processes are independent of wire formats", () => {
  const neutral = [...between, ...[...texts].filter(([path]) => path.startsWith("operations/"))];
  expect(neutral.length).toBeGreaterThan(operations.length);
  const speaking = neutral.filter(([, text]) => /\/api\/|\/http\/|openai/i.test(text));
  expect(speaking.map(([path]) => path)).toEqual([]);
});
