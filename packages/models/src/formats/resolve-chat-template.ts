import { basename } from "node:path";

import type { ChatTemplate } from "../chat-template/chat-template.ts";
import { createChatTemplate } from "../chat-template/create-chat-template.ts";
import type { ChatTemplateSetup } from "../chat-template/create-chat-template.ts";
import { ModelError, quoteValue } from "../errors.ts";
import type { FileAccess } from "../files/file-access.ts";
import { readTextFile } from "../files/read-file.ts";
import { createTimeLimit, TimeLimitError } from "../tokenizer/create-time-limit.ts";
import type { TokenizerSettings } from "../tokenizer/tokenizer.ts";

export const maxTemplateBytes: number = 4 * 2 ** 20;

/** A template, and the one for conversations with tools where a checkpoint has two. */
export interface TemplateSources {
  readonly source: string;
  readonly toolUse?: string | undefined;
}

/** Templates and the name of their file, for messages. */
export interface FoundTemplate extends TemplateSources {
  readonly name: string;
}

/** Options of `resolveChatTemplate`. */
export interface ResolveTemplateOptions {
  readonly files: FileAccess;
  readonly now?: (() => Date) | undefined;
  /** A Jinja file that replaces the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
}

/**
 * Creates a chat template: the one at `chatTemplatePath`, else the checkpoint's own. `undefined` when there is none.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE`, and those of reading a file
 */
export async function resolveChatTemplate(
  find: () => Promise<FoundTemplate | undefined>,
  { specialTokens }: Pick<TokenizerSettings, "specialTokens">,
  { files, now, chatTemplatePath }: ResolveTemplateOptions,
): Promise<ChatTemplate | undefined> {
  const found = await (chatTemplatePath === undefined ? find() : readGivenTemplate(chatTemplatePath, files));
  if (found === undefined) return undefined;
  return parseInTime(found.source, {
    name: found.name,
    toolUse: found.toolUse,
    specialTokens,
    ...(now === undefined ? {} : { now }),
  });
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

async function readGivenTemplate(path: string, files: FileAccess): Promise<FoundTemplate> {
  const source = await readTextFile(files, path, { maxBytes: maxTemplateBytes });
  if (source === undefined) {
    throw new ModelError("FILE_UNREADABLE", { expected: "a chat template", got: "no file" }, { file: path });
  }
  return { name: basename(path), source };
}

/**
 * Selects templates of one or of several named ones: `default`, and `tool_use` for conversations with tools.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE`
 */
export function selectTemplate(value: unknown, file: string): TemplateSources | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value === "string") {
    return { source: value };
  }
  const named = Array.isArray(value) ? value.map(namedTemplate) : [];
  const sources = new Map(named);
  const source = sources.get("default") ?? (named.length === 1 ? named[0]?.[1] : undefined);
  if (source === undefined) {
    const got = named.length === 0 ? quoteValue(value) : named.map(([name]) => name).join(", ");
    throw new ModelError(
      "INVALID_CHAT_TEMPLATE",
      { expected: 'a string, or a template named "default"', got },
      { file, field: "chat_template" },
    );
  }
  return { source, toolUse: sources.get("tool_use") };
}

function namedTemplate(entry: unknown): [name: string, source: string | undefined] {
  const { name, template } = (typeof entry === "object" && entry !== null ? entry : {}) as {
    readonly name?: unknown;
    readonly template?: unknown;
  };
  return [String(name), typeof template === "string" ? template : undefined];
}
