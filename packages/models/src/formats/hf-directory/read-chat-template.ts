import { join } from "node:path";

import type { ChatTemplate } from "../../chat-template/chat-template.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { readJsonFile, readTextFile } from "../../files/read-file.ts";
import type { TokenizerSettings } from "../../tokenizer/tokenizer.ts";
import {
  maxTemplateBytes,
  resolveChatTemplate,
  selectTemplate,
  type FoundTemplate,
  type ResolveTemplateOptions,
  type TemplateSources,
} from "../resolve-chat-template.ts";

const toolUseFile = "additional_chat_templates/tool_use.jinja";

/**
 * Finds a checkpoint's chat template: `chat_template.jinja`, else `chat_template.json`, else the one in
 * `tokenizer_config.json` (of several, the one named `default`). `undefined` when there is none. The one named
 * `tool_use`, here or in `additional_chat_templates`, is for conversations with tools.
 * `chatTemplatePath` replaces them.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE`, and those of reading a file
 */
export async function readChatTemplate(
  directory: string,
  settings: TokenizerSettings,
  options: ResolveTemplateOptions,
): Promise<ChatTemplate | undefined> {
  return resolveChatTemplate(async () => findTemplate(directory, settings, options.files), settings, options);
}

async function findTemplate(
  directory: string,
  settings: TokenizerSettings,
  files: FileAccess,
): Promise<FoundTemplate | undefined> {
  const limit = { maxBytes: maxTemplateBytes };
  const source = await readTextFile(files, join(directory, "chat_template.jinja"), limit);
  if (source !== undefined) {
    const toolUse = await readTextFile(files, join(directory, toolUseFile), limit);
    return { name: "chat_template.jinja", source, toolUse };
  }
  const inJson = templateOf(await readJsonFile(files, join(directory, "chat_template.json"), limit));
  if (inJson !== undefined) return { name: "chat_template.json", ...inJson };
  const inSettings = selectTemplate(settings.chatTemplate, "tokenizer_config.json");
  return inSettings === undefined ? undefined : { name: "tokenizer_config.json", ...inSettings };
}

/** `chat_template.json` holds `{ "chat_template": … }`. */
function templateOf(json: unknown): TemplateSources | undefined {
  return typeof json === "object" && json !== null && "chat_template" in json
    ? selectTemplate(json.chat_template, "chat_template.json")
    : undefined;
}
