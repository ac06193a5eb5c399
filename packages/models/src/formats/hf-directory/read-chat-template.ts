import { basename, join } from "node:path";

import type { ChatTemplate } from "../../chat-template/chat-template.ts";
import { createChatTemplate } from "../../chat-template/create-chat-template.ts";
import type { ChatTemplateSetup } from "../../chat-template/create-chat-template.ts";
import { ModelError, quoteValue } from "../../errors.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { readJsonFile, readTextFile } from "../../files/read-file.ts";
import { createTimeLimit, TimeLimitError } from "../../tokenizer/create-time-limit.ts";
import type { TokenizerSettings } from "../../tokenizer/tokenizer.ts";

const maxTemplateBytes = 4 * 2 ** 20;

/** Options of `readChatTemplate`. */
export interface ReadChatTemplateOptions {
  readonly files: FileAccess;
  readonly now?: (() => Date) | undefined;
  /** A Jinja file that replaces the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
}

/**
 * Finds a checkpoint's chat template: `chat_template.jinja`, else `chat_template.json`, else the one in
 * `tokenizer_config.json` (of several, the one named `default`). `undefined` when there is none.
 * `chatTemplatePath` replaces them.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE`, and those of reading a file
 */
export async function readChatTemplate(
  directory: string,
  settings: TokenizerSettings,
  options: ReadChatTemplateOptions,
): Promise<ChatTemplate | undefined> {
  const { files, now, chatTemplatePath } = options;
  const found =
    chatTemplatePath === undefined
      ? await findTemplate(directory, settings, files)
      : await readGivenTemplate(chatTemplatePath, files);
  if (found === undefined) return undefined;
  const setup: ChatTemplateSetup = {
    name: found.name,
    specialTokens: settings.specialTokens,
    ...(now === undefined ? {} : { now }),
  };
  return parseInTime(found.source, setup);
}

const parseTimeoutMs = 5000;

/** Parses within a time limit: the template may be hostile. */
function parseInTime(source: string, setup: ChatTemplateSetup): ChatTemplate {
  try {
    return createTimeLimit()(parseTimeoutMs, () => createChatTemplate(source, setup));
  } catch (error) {
    throw error instanceof TimeLimitError
      ? new ModelError(
          "INVALID_CHAT_TEMPLATE",
          { expected: "a chat template that parses in time", got: `one that ${error.message}` },
          { cause: error, file: setup.name },
        )
      : error;
  }
}

/** A template and the name of its file, for messages. */
interface FoundTemplate {
  readonly name: string;
  readonly source: string;
}

async function findTemplate(
  directory: string,
  settings: TokenizerSettings,
  files: FileAccess,
): Promise<FoundTemplate | undefined> {
  const limit = { maxBytes: maxTemplateBytes };
  const source = await readTextFile(files, join(directory, "chat_template.jinja"), limit);
  if (source !== undefined) return { name: "chat_template.jinja", source };
  const inJson = templateOf(await readJsonFile(files, join(directory, "chat_template.json"), limit));
  if (inJson !== undefined) return { name: "chat_template.json", source: inJson };
  const inSettings = selectTemplate(settings.chatTemplate, "tokenizer_config.json");
  return inSettings === undefined ? undefined : { name: "tokenizer_config.json", source: inSettings };
}

async function readGivenTemplate(path: string, files: FileAccess): Promise<FoundTemplate> {
  const source = await readTextFile(files, path, { maxBytes: maxTemplateBytes });
  if (source === undefined) {
    throw new ModelError("FILE_UNREADABLE", { expected: "a chat template", got: "no file" }, { file: path });
  }
  return { name: basename(path), source };
}

/** `chat_template.json` holds `{ "chat_template": … }`. */
function templateOf(json: unknown): string | undefined {
  return typeof json === "object" && json !== null && "chat_template" in json
    ? selectTemplate(json.chat_template, "chat_template.json")
    : undefined;
}

function selectTemplate(value: unknown, file: string): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value === "string") {
    return value;
  }
  const named = Array.isArray(value) ? value.map(namedTemplate) : [];
  const chosen =
    named.find(([name]) => name === "default")?.[1] ?? (named.length === 1 ? named[0]?.[1] : undefined);
  if (chosen === undefined) {
    const got = named.length === 0 ? quoteValue(value) : named.map(([name]) => name).join(", ");
    throw new ModelError(
      "INVALID_CHAT_TEMPLATE",
      { expected: 'a string, or a template named "default"', got },
      { file, field: "chat_template" },
    );
  }
  return chosen;
}

function namedTemplate(entry: unknown): [name: string, source: string | undefined] {
  const { name, template } = (typeof entry === "object" && entry !== null ? entry : {}) as {
    readonly name?: unknown;
    readonly template?: unknown;
  };
  return [String(name), typeof template === "string" ? template : undefined];
}
