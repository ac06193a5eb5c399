import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { createChatTemplate } from "../../src/index.ts";
import type { ChatTemplateMessage, ModelError } from "../../src/index.ts";

const path = new URL("../../../../test/fixtures/golden/jinja.jsonl", import.meta.url);

interface Case {
  readonly source: string;
  readonly rendered?: string;
  /** The kind of Python's error. */
  readonly error?: string;
}

const lines = readFileSync(path, "utf8").trimEnd().split("\n");
const { variables: variablesJson } = JSON.parse(lines[0] ?? "{}") as { readonly variables: string };
const { messages } = JSON.parse(variablesJson) as { readonly messages: readonly ChatTemplateMessage[] };
const cases = lines.slice(1).map((line) => JSON.parse(line) as Case);

/** Jinja computes a slice of a constant that has none; Python has sets; a generator prints as an address. */
const isRefusedHere = /has no slices|got a generator|'dict_(?:keys|items)'/;

function outcome(source: string): Pick<Case, "rendered" | "error"> {
  try {
    return { rendered: createChatTemplate(source).render(messages, { variablesJson }) };
  } catch (error) {
    return { error: (error as ModelError).message };
  }
}

describe("small templates", () => {
  it("render to the same text as in jinja2, or fail in both", () => {
    expect(cases.length).toBeGreaterThan(2500);
    const wrong = cases.flatMap(({ source, rendered, error }) => {
      const ours = outcome(source);
      const isRight =
        error === undefined
          ? ours.rendered === rendered || isRefusedHere.test(ours.error ?? "")
          : ours.error !== undefined;
      return isRight ? [] : [{ source, jinja: rendered ?? error, ours }];
    });
    expect(wrong).toEqual([]);
  });

  it("fail with messages about the template", () => {
    for (const { source } of cases) {
      const { error } = outcome(source);
      if (error !== undefined) expect(error).toMatch(/^chat template(?: failed)?: line \d+: |^[\w ,']+$/);
      expect(error ?? "").not.toMatch(/Cannot (?:read|mix|convert)|is not a function|the engine supports/);
    }
  });
});
