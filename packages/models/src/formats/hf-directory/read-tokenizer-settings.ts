import { join } from "node:path";

import { ConfigFields } from "../../config/config-fields.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { readJsonFile } from "../../files/read-file.ts";
import type { TokenizerSettings } from "../../tokenizer/tokenizer.ts";

const maxSettingsBytes = 16 * 2 ** 20;
const named = [
  "bos_token",
  "eos_token",
  "unk_token",
  "pad_token",
  "sep_token",
  "cls_token",
  "mask_token",
] as const;

/** Reads the settings of the tokenizer in a directory; empty where the files are absent. */
export async function readTokenizerSettings(
  files: FileAccess,
  directory: string,
): Promise<TokenizerSettings> {
  const read = async (name: string): Promise<ConfigFields> =>
    new ConfigFields(
      (await readJsonFile(files, join(directory, name), { maxBytes: maxSettingsBytes })) ?? {},
      name,
    );
  const config = await read("tokenizer_config.json");
  const map = await read("special_tokens_map.json");
  const specialTokens = new Map<string, string>();
  for (const name of named) {
    const holder = config.raw(name) === undefined ? map : config;
    const token = tokenText(holder.raw(name));
    if (token !== undefined) {
      specialTokens.set(name, token);
    }
  }
  const isExplicit = config.raw("add_bos_token") !== undefined || config.raw("add_eos_token") !== undefined;
  return {
    specialTokens,
    additionalSpecialTokens: [
      ...tokenTexts(config, "additional_special_tokens"),
      ...tokenTexts(config, "extra_special_tokens"),
    ],
    addsSpecialTokens: isExplicit
      ? {
          bos: config.boolean("add_bos_token", false) && specialTokens.has("bos_token"),
          eos: config.boolean("add_eos_token", false) && specialTokens.has("eos_token"),
        }
      : undefined,
    addedTokens: readAddedTokens(config),
    chatTemplate: config.raw("chat_template"),
  };
}

function readAddedTokens(config: ConfigFields): unknown[] {
  const byId = config.raw("added_tokens_decoder");
  if (typeof byId !== "object" || byId === null) {
    return [];
  }
  return Object.entries(byId).map(([id, token]: [string, unknown]) =>
    Object.assign({}, typeof token === "object" ? token : { content: token }, { id: Number(id) }),
  );
}

/** A token is a string or an object with `content`. */
function tokenText(value: unknown): string | undefined {
  const text: unknown =
    typeof value === "object" && value !== null && "content" in value ? value.content : value;
  return typeof text === "string" ? text : undefined;
}

function tokenTexts(config: ConfigFields, name: string): string[] {
  const values = config.raw(name);
  if (typeof values !== "object" || values === null) {
    return [];
  }
  return Object.values(values).flatMap((value) => tokenText(value) ?? []);
}
