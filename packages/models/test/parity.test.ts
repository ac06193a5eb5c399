import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { createChatTemplate, loadModel, loadTokenizer, ModelError } from "../src/index.ts";
import type { ChatTemplate, ChatTemplateMessage } from "../src/index.ts";
import {
  checkpointNames,
  fixturesDirectory,
  repositoryDirectory,
  checkpointDirectory,
} from "./support/fixtures.ts";

interface TokenizerGolden {
  readonly tokenizer: string;
  readonly vocabSize: number;
  readonly specialIds: readonly number[];
  readonly strings: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly idsWithSpecial: readonly number[];
    readonly decoded: string;
    readonly decodedSkipSpecial: string;
  }[];
  readonly sequences: readonly {
    readonly ids: readonly number[];
    readonly decoded: string;
    readonly decodedSkipSpecial: string;
  }[];
}

interface TemplateGolden {
  readonly source: string;
  readonly tokens: Readonly<Record<string, string>>;
  readonly cases: readonly TemplateCase[];
}

interface TemplateCase {
  readonly name: string;
  readonly messages: readonly ChatTemplateMessage[];
  readonly tools?: readonly unknown[];
  readonly addGenerationPrompt: boolean;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly rendered?: string;
  readonly error?: { readonly type: string; readonly message: string };
}

const goldenFiles = (start: string): string[] =>
  readdirSync(join(fixturesDirectory, "golden"))
    .filter((name) => name.startsWith(start))
    .toSorted();
const readGolden = (name: string): unknown =>
  JSON.parse(readFileSync(join(fixturesDirectory, "golden", name), "utf8"));

describe("tokenizers equal transformers", () => {
  it.each(goldenFiles("tokenizer-"))("%s", async (name) => {
    const golden = readGolden(name) as TokenizerGolden;
    const inFixtures = join(fixturesDirectory, golden.tokenizer);
    const tokenizer = await loadTokenizer(
      existsSync(inFixtures) ? inFixtures : join(repositoryDirectory, golden.tokenizer),
    );
    expect(tokenizer.vocabSize).toBe(golden.vocabSize);
    expect([...tokenizer.specialTokenIds].toSorted((a, b) => a - b)).toEqual(golden.specialIds);
    for (const { text, ids, idsWithSpecial, decoded, decodedSkipSpecial } of golden.strings) {
      expect({
        text,
        ids: tokenizer.encode(text, { addSpecialTokens: false }),
        idsWithSpecial: tokenizer.encode(text),
        decoded: tokenizer.decode(idsWithSpecial),
        decodedSkipSpecial: tokenizer.decode(idsWithSpecial, { skipSpecialTokens: true }),
      }).toEqual({ text, ids, idsWithSpecial, decoded, decodedSkipSpecial });
    }
    for (const { ids, decoded, decodedSkipSpecial } of golden.sequences) {
      expect({
        ids,
        decoded: tokenizer.decode(ids),
        decodedSkipSpecial: tokenizer.decode(ids, { skipSpecialTokens: true }),
      }).toEqual({ ids, decoded, decodedSkipSpecial });
    }
  });
});

describe("chat templates equal transformers", () => {
  const cases = goldenFiles("template-").flatMap((file) => {
    const golden = readGolden(file) as TemplateGolden;
    return golden.cases.map((item) => [`${file}: ${item.name}`, golden, item] as const);
  });
  it.each(cases)("%s", async (_, { source, tokens }, item) => {
    const template = createChatTemplate(source, { specialTokens: new Map(Object.entries(tokens)) });
    expect(outcome(template, item)).toEqual(wantedOutcome(item));
  });
});

interface SnippetsGolden {
  readonly tokens: Readonly<Record<string, string>>;
  readonly messages: readonly ChatTemplateMessage[];
  readonly cases: readonly {
    readonly source: string;
    readonly rendered?: string;
    readonly error?: { readonly type: string; readonly message: string };
  }[];
}

describe("the constructs of chat templates equal Jinja", () => {
  const { tokens, messages, cases } = readGolden("snippets.json") as SnippetsGolden;
  const render = (source: string): string =>
    createChatTemplate(source, { specialTokens: new Map(Object.entries(tokens)) }).render(messages);
  it.each(cases.map((item) => [item.source, item] as const))("%s", (source, { rendered, error }) => {
    if (rendered !== undefined) {
      expect(render(source)).toBe(rendered);
      return;
    }
    const words = error?.type === "TemplateError" ? error.message : "chat template";
    expect(() => render(source)).toThrow(words);
    expect(() => render(source)).toThrow(ModelError);
  });
});

/** The messages of Jinja's own errors are not compared. */
function wantedOutcome({ rendered, error }: TemplateCase): unknown {
  if (error === undefined) {
    return { rendered };
  }
  return error.type === "TemplateError" ? { raised: error.message } : { fails: true };
}

function outcome(
  template: ChatTemplate,
  { messages, tools, addGenerationPrompt, variables, error }: TemplateCase,
): unknown {
  try {
    const more = tools === undefined ? {} : { tools };
    return {
      rendered: template.render(messages, { addGenerationPrompt, variables: { ...variables, ...more } }),
    };
  } catch (caught) {
    const { code, message } = caught as ModelError;
    if (code !== "CHAT_TEMPLATE_FAILED") {
      throw caught;
    }
    return error?.type === "TemplateError" ? { raised: message } : { fails: true };
  }
}

describe("loadModel", () => {
  it.each(checkpointNames)("loads the checkpoint %s with its tokenizer and template", async (name) => {
    const model = await loadModel(checkpointDirectory(name));
    expect(model.tokenizer.vocabSize).toBe(model.config.vocabSize);
    expect(model.config.eosTokenIds).toContain(2);
    expect(model.chatTemplate?.render([{ role: "user", content: "Hi" }])).toContain("Hi");
    await model.dispose();
  });
});
