import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatBytes } from "@infernode/memory";
import { afterAll, expect, test } from "vitest";
import { describeConfig } from "../src/commands/models/describe-config.ts";
import { engineDefaults } from "../src/config/engine-defaults.ts";
import { formatCount } from "../src/commands/terminal-text.ts";

interface PublicConfig {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));
const pagePath = join(root, "docs/models.md");
const directory = mkdtempSync(join(tmpdir(), "infernode-sizes-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const configs = new Map(
  readFileSync(join(root, "test/fixtures/public-configs/configs.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as PublicConfig)
    .map(({ name, config }) => [name, config]),
);

const columns = [
  "model",
  "parameters",
  "context",
  "`none`",
  "`int8`",
  "`int4`",
  "1,000 tokens",
  "in int8",
] as const;
const header = [columns, columns.map((_, index) => (index === 0 ? "---" : "---:"))];

const shownFamilies = new Set<string>();

async function rowOf(name: string): Promise<readonly string[]> {
  const path = join(directory, "config.json");
  writeFileSync(path, JSON.stringify(configs.get(name) ?? {}));
  const { model, memoryPlans, kvCacheBytesPerToken } = await describeConfig(path, {
    ...engineDefaults,
    modelDirectory: path,
    cacheDirectory: directory,
  });
  shownFamilies.add(model.family);
  return [
    name,
    formatCount(model.parameterCount),
    model.contextTokens.toLocaleString("en"),
    formatBytes(memoryPlans.none.weightsBytes),
    formatBytes(memoryPlans.int8.weightsBytes),
    formatBytes(memoryPlans.int4.weightsBytes),
    formatBytes(1000 * (kvCacheBytesPerToken.float32 ?? 0)),
    formatBytes(1000 * (kvCacheBytesPerToken.int8 ?? 0)),
  ];
}

test("the page of models has the sizes that models would take, by their published configs", async () => {
  const page = readFileSync(pagePath, "utf8");
  const [, before = "", table = "", after = ""] =
    /^(.*<!-- sizes:[^\n]*-->\n)(.*)(\n<!-- \/sizes -->.*)$/s.exec(page) ?? [];
  const names = table
    .split("\n")
    .map((line) => line.split("|")[1]?.trim() ?? "")
    .filter((name) => name.includes("/"));
  expect(names.length).toBeGreaterThan(40);
  const rows: (readonly string[])[] = [];
  for (const name of names) rows.push(await rowOf(name));
  // Classes of more than text have the network of one of the others.
  const ofText = /^\| `([^`]+)` \| `\w+(?:ForCausalLM|LMHeadModel)`/gm;
  const families = Array.from(page.matchAll(ofText), ([, family = ""]) => family);
  expect([...shownFamilies].toSorted()).toEqual(families.toSorted());
  const lines = [...header, ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  await expect(`${before}${lines.join("\n")}${after}`).toMatchFileSnapshot(pagePath);
  // A graph of tens of thousands of experts is built for each mode.
}, 900_000);
