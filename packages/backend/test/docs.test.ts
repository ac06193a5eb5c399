import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { settings, variableOf } from "../src/config/settings.ts";
import { exitCodes } from "../src/exit-codes.ts";

function readDocument(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url)), "utf8");
}

test("the configuration's page has a row for every setting, with its flag, variables and default", async () => {
  const page = await readDocument("configuration.md");
  for (const { path, flag, shortVariable, default: value, description } of settings) {
    const row = page
      .split("\n")
      .find(
        (line) => line.startsWith(`| \`${path.split(".")[1]}\``) && line.includes(`\`${variableOf(path)}\``),
      );
    const defaults = typeof value === "number" || typeof value === "string" ? [`\`${value}\``] : [];
    const variables = shortVariable === undefined ? [] : [`\`${shortVariable}\``];
    const missing = [`\`--${flag} `, description, ...variables, ...defaults].filter(
      (text) => !row?.includes(text),
    );
    expect({ path, missing }).toEqual({ path, missing: [] });
  }
});

test("the command line's page has every exit code", async () => {
  const page = await readDocument("cli.md");
  for (const code of Object.values(exitCodes)) expect(page).toContain(`| ${code} |`);
});

test("every command's help has every exit code that a command ends with", async () => {
  const source = await readFile(fileURLToPath(new URL("../src/program.ts", import.meta.url)), "utf8");
  const help = /const exitCodeHelp = `([^`]*)`/.exec(source)?.[1] ?? "";
  for (const code of Object.values(exitCodes)) {
    expect(help).toMatch(new RegExp(String.raw`^ .*\b${code}\b`, "m"));
  }
});
