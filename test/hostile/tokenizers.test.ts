import { describe, expect, test } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import {
  endlessNormalizer,
  endlessText,
  modelWithTemplate,
  modelWithTokenizer,
} from "./support/odd-tokenizer.ts";

type Json = Record<string, unknown>;

/** What cannot be served is refused by whatever looks at it, in the same words. */
async function expectRefused(directory: string, words: readonly string[]): Promise<void> {
  const runs = await Promise.all([
    runCli(["serve", "--model", directory, "--port", "0", "--log-format", "json"]),
    runCli(["models", "inspect", directory]),
    runCli(["doctor", "--model", directory]),
  ]);
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([4, 4, 4]);
  for (const { stdout, stderr } of runs) {
    const text = `${stdout}${stderr}`.replaceAll(/\s+/g, " ");
    for (const word of words) expect(text).toContain(word);
  }
}

const lastTokenId = 319;

/** Puts another text in the place of the last token. */
function withLastToken(json: Json, text: string): Json {
  const model = modelOf(json);
  const vocab = Object.entries(model["vocab"] as Json);
  const last = vocab.find(([, id]) => id === lastTokenId)?.[0];
  const merges = (model["merges"] as readonly [string, string][]).filter((parts) => parts.join("") !== last);
  const renamed = Object.fromEntries(vocab.map(([token, id]) => [token === last ? text : token, id]));
  return { ...json, model: { ...model, vocab: renamed, merges } };
}

const modelOf = (json: Json): Json => json["model"] as Json;

describe("a damaged tokenizer.json is refused, with the field and what was expected", () => {
  test.each([
    [
      "a merge of three parts",
      (json: Json) => ({
        ...json,
        model: { ...modelOf(json), merges: [["a", "b", "c"], ...(modelOf(json)["merges"] as unknown[])] },
      }),
      "model.merges",
    ],
    [
      "two tokens with one id",
      (json: Json) => ({
        ...json,
        model: { ...modelOf(json), vocab: { ...(modelOf(json)["vocab"] as Json), zzz: 20 } },
      }),
      "model.vocab",
    ],
  ])("%s", async (_, edit, field) => {
    await expectRefused(await modelWithTokenizer(edit), ["tokenizer.json", field]);
  });
});

describe("what runs out of hand while it loads is refused in seconds", () => {
  test("a normalizer that meets an added token", async () => {
    const token = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false };
    const directory = await modelWithTokenizer((json) => ({
      ...withLastToken(json, endlessText),
      normalizer: endlessNormalizer,
      added_tokens: [
        ...(json["added_tokens"] as Json[]),
        { id: lastTokenId, content: endlessText, ...token },
      ],
    }));
    await expectRefused(directory, ["tokenizer.json", "did not end within"]);
  });

  test("a chat template of megabytes of blanks is read or refused", async () => {
    const directory = await modelWithTemplate(`${" ".repeat(3_000_000)}{{ messages[0].content }}`);
    const { exitCode } = await runCli(["models", "inspect", directory]);
    expect([0, 4]).toContain(exitCode);
  });
});
