import { z } from "zod";
import {
  toGeneration,
  generationFields,
  type GenerationOptions,
} from "../conversation/generation-options.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { parseOptions } from "../conversation/parse-options.ts";
import { invalidField } from "../conversation/rejections.ts";
import type { ConversationTools, ToolChoice } from "../conversation/tools.ts";
import type { ServedModel } from "../models/model-service.ts";
import { readSchema, type AnswerSchema, type JsonSchema, type TypedSchema } from "./typed-schema.ts";

/** A function that the model may call. */
export interface ChatTool {
  /** What it does; for the model. */
  readonly description?: string | undefined;
  /** Of its arguments; for the model. [any object] */
  readonly parameters?: JsonSchema | undefined;
  /** Arguments of calls always match `parameters`. [false] */
  readonly isStrict?: boolean | undefined;
}

/** How an answer is asked for. Defaults in brackets. */
export interface ChatOptions<Value = unknown> extends GenerationOptions {
  /** Functions that the model may call, by name. [none] */
  readonly tools?: Readonly<Record<string, ChatTool>> | undefined;
  /** With `required` or a name every answer has a call. [auto] */
  readonly toolChoice?: "auto" | "none" | "required" | { readonly name: string } | undefined;
  /** Calls at most. [any number] */
  readonly maxCalls?: number | undefined;
  /** The answer is JSON of this schema, enforced token by token. [text] */
  readonly schema?: JsonSchema | TypedSchema<Value> | undefined;
  /** Stops the answer within one step. [never] */
  readonly signal?: AbortSignal | undefined;
}

const text = z.string({ error: "a string" });
const parameters = z.looseObject({}, { error: "a JSON Schema" });
const flag = z.boolean({ error: "true or false" });
const tool = z.strictObject(
  { description: text.optional(), parameters: parameters.optional(), isStrict: flag.optional() },
  { error: "a tool" },
);

const fields = z.strictObject(
  {
    ...generationFields,
    tools: z.record(z.string(), tool, { error: "an object of tools" }).optional(),
    toolChoice: z
      .union([z.enum(["auto", "none", "required"]), z.strictObject({ name: text })], {
        error: '"auto", "none", "required" or an object with `name`',
      })
      .optional(),
    maxCalls: z.int({ error: "an integer" }).min(1, { error: "at least 1" }).optional(),
    schema: z.unknown().optional(),
    signal: z.instanceof(AbortSignal, { error: "an AbortSignal" }).optional(),
  },
  { error: "an object" },
);

function toToolChoice({ toolChoice = "auto", maxCalls, tools = {} }: ChatOptions): ToolChoice {
  if (typeof toolChoice === "string") {
    const isEmpty = Object.keys(tools).length === 0;
    if (toolChoice === "required" && isEmpty) throw invalidField("toolChoice", "`tools` with it", toolChoice);
    return { mode: toolChoice, maxCalls };
  }
  const { name } = toolChoice;
  if (!Object.hasOwn(tools, name)) throw invalidField("toolChoice.name", "the name of one of `tools`", name);
  return { mode: "required", names: new Set([name]), maxCalls: 1 };
}

function toTools(options: ChatOptions): ConversationTools {
  const { tools = {} } = options;
  return {
    tools: Object.entries(tools).map(([name, { description, parameters: schema, isStrict }]) => {
      const at = `tools.${name}`;
      const own = { name: at, parameters: `${at}.parameters`, strict: `${at}.isStrict` };
      return { name, description, parameters: schema, isStrict, fields: own };
    }),
    toolChoice: toToolChoice(options),
  };
}

/** Options that were checked. */
export interface ReadChatOptions<Value> {
  readonly schema: AnswerSchema<Value> | undefined;
  readonly signal: AbortSignal | undefined;
  /** What they say of a conversation with a model. @throws EngineRequestError `UNSUPPORTED_PARAMETER` */
  readonly toConversation: (model: ServedModel) => Omit<Conversation, "messages">;
}

/** Checks options. @throws EngineRequestError `INVALID_REQUEST` with the field */
export function readChatOptions<Value>(given: ChatOptions<Value>): ReadChatOptions<Value> {
  const options: ChatOptions = parseOptions(given, fields) as ChatOptions;
  const tools = toTools(options);
  const { signal, constraint } = options;
  const schema = options.schema === undefined ? undefined : readSchema<Value>(options.schema);
  if (schema !== undefined && constraint !== undefined) {
    throw invalidField("constraint", "nothing beside `schema`", constraint);
  }
  const asked = schema === undefined ? options : { ...options, constraint: { jsonSchema: schema.json } };
  return { schema, signal, toConversation: (model) => ({ ...tools, ...toGeneration(asked, model) }) };
}
