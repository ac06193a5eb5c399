import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyCheckpoint, editJson } from "./odd-checkpoint.ts";

type Json = Record<string, unknown>;

/** Copies the byte-level checkpoint of the fixtures with another tokenizer.json. */
export async function modelWithTokenizer(edit: (json: Json) => Json): Promise<string> {
  const directory = await copyCheckpoint("llama3");
  await editJson(join(directory, "tokenizer.json"), edit);
  return directory;
}

/** Copies it with another chat template. */
export async function modelWithTemplate(template: string): Promise<string> {
  const directory = await copyCheckpoint("llama3");
  await writeFile(join(directory, "chat_template.jinja"), template);
  return directory;
}

/** Takes for ever with 30 times `a` and another letter, and no time with anything else. */
const endlessPattern = "(a+)+$";
export const endlessText: string = `${"a".repeat(58)}!b`;

/** A normalizer whose pattern runs out of hand. */
export const endlessNormalizer = { type: "Replace", pattern: { Regex: endlessPattern }, content: "x" };

/** A pre-tokenizer whose pattern runs out of hand, before the one that is there. */
export function withEndlessSplit(json: Json): Json {
  const split = { type: "Split", pattern: { Regex: endlessPattern }, behavior: "Isolated", invert: false };
  return { ...json, pre_tokenizer: { type: "Sequence", pretokenizers: [split, json["pre_tokenizer"]] } };
}

/** Doubles every letter, thirty times. */
export const growingNormalizer = {
  type: "Sequence",
  normalizers: Array.from({ length: 30 }, () => ({
    type: "Replace",
    pattern: { String: "z" },
    content: "zz",
  })),
};
