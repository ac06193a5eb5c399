import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { variableOf, type Setting } from "../src/config/setting.ts";
import { settings } from "../src/config/settings.ts";
import { exitCodes } from "../src/exit-codes.ts";

function readDocument(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url)), "utf8");
}

function describeDefault(value: unknown): string {
  return Array.isArray(value) ? "none" : `\`${JSON.stringify(value).replaceAll('"', "")}\``;
}

/** The row of a setting in the table of its section. */
function rowOf({ path, kind, default: value, flag, shortVariable, description }: Setting): string {
  const variables = [shortVariable, variableOf(path)].flatMap((name) =>
    name === undefined ? [] : `\`${name}\``,
  );
  const defaults = value === undefined ? "decided at start" : describeDefault(value);
  const cells = [
    `\`${path.split(".")[1]}\``,
    `\`--${flag} ${kind.argument.replaceAll("|", String.raw`\|`)}\``,
    variables.join("<br>"),
    defaults,
    `${description}; ${kind.expected}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

test.each(settings.map((setting) => [setting.path, setting] as const))(
  "the configuration's page has the row of %s",
  async (path, setting) => {
    const page = await readDocument("configuration.md");
    const section = page.split(/^## /m).find((each) => each.startsWith(`${path.split(".")[0]}\n`));
    expect(section?.split("\n")).toContain(rowOf(setting));
  },
);

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
