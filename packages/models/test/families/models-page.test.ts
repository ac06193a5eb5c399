import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import type { GgufFamily } from "../../src/families/family.ts";
import { families } from "../../src/families/registry.ts";
import { textParts } from "../../src/families/text-parts.ts";
import { checkpointDirectory, readJson, repositoryDirectory } from "../support/fixtures.ts";

const page = readFileSync(join(repositoryDirectory, "docs", "models.md"), "utf8");
/** Cells of each row, with what is in backticks in each. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = ""]) => name)),
  );

/** Mistral is a Llama there. */
const ggufName = (name: string, gguf: GgufFamily | undefined): string | undefined =>
  name === "mistral" ? "llama" : gguf?.architecture;

const byName = (table: readonly (readonly (string | undefined)[])[]): readonly unknown[] =>
  table.toSorted(([a = ""], [b = ""]) => a.localeCompare(b));

it("the page of models has a row for each family, with its class and its name in GGUF", () => {
  const described = rows.map(([names, classes, gguf]) => [names, classes, gguf].map((each) => each?.[0]));
  const ofFamily = families.map(({ name, architecture, gguf }) => [name, architecture, ggufName(name, gguf)]);
  const ofTextPart = textParts.map(({ name, architecture, families: [first] }) => [
    name,
    architecture,
    ggufName(first, families.find((family) => family.name === first)?.gguf),
  ]);
  const wanted = [...ofFamily, ...ofTextPart];
  expect(byName(described)).toEqual(byName(wanted));
});

it("the page names checkpoints of each family that are there", () => {
  for (const [, classes, , , checkpoints = []] of rows) {
    expect(checkpoints).not.toEqual([]);
    for (const checkpoint of checkpoints) {
      const config = join(checkpointDirectory(checkpoint), "config.json");
      expect([checkpoint, existsSync(config)]).toEqual([checkpoint, true]);
      expect(readJson(config)["architectures"]).toEqual(classes);
    }
  }
});
