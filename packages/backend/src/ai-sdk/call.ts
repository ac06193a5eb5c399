import type { LanguageModelV3CallOptions, SharedV3Warning } from "@ai-sdk/provider";
import { z } from "zod";
import type { Conversation } from "../conversation/conversation.ts";
import {
  toGeneration,
  generationFields,
  type GenerationOptions,
} from "../conversation/generation-options.ts";
import { parseOptions } from "../conversation/parse-options.ts";
import { invalidField } from "../conversation/rejections.ts";
import type { ConversationTool, ToolChoice } from "../conversation/tools.ts";
import type { ServedModel } from "../models/model-service.ts";
import { toTemplateMessages } from "./prompt.ts";

/** Settings that the AI SDK has itself. */
const sdkSettings = {
  temperature: true,
  topP: true,
  topK: true,
  seed: true,
  presencePenalty: true,
  frequencyPenalty: true,
  maxTokens: true,
  stop: true,
} as const;

/** What `providerOptions.infernode` may have. Defaults in brackets. */
export interface InfernodeOptions extends Omit<GenerationOptions, keyof typeof sdkSettings> {
  /** Calls of tools at most. [any number] */
  readonly maxCalls?: number | undefined;
}

const ownOptions: z.ZodType<InfernodeOptions> = z
  .strictObject(generationFields, { error: "an object" })
  .omit(sdkSettings)
  .extend({ maxCalls: z.int({ error: "an integer" }).min(1, { error: "at least 1" }).optional() });

/** A call of the model that was checked. */
export interface ReadCall {
  readonly conversation: Conversation;
  readonly warnings: SharedV3Warning[];
}

type Warn = (warning: SharedV3Warning) => void;

function toTools(tools: LanguageModelV3CallOptions["tools"] = [], warn: Warn): readonly ConversationTool[] {
  return tools.flatMap((tool, at): ConversationTool[] => {
    if (tool.type === "provider") {
      warn({ type: "unsupported", feature: `provider-defined tool ${tool.id}` });
      return [];
    }
    const { name, description, inputSchema, inputExamples, strict } = tool;
    if (inputExamples !== undefined) {
      warn({ type: "unsupported", feature: "inputExamples", details: `of the tool ${name}` });
    }
    const field = `tools[${at}]`;
    const fields = { name: `${field}.name`, parameters: `${field}.inputSchema`, strict: `${field}.strict` };
    return [
      {
        name,
        description,
        parameters: inputSchema as Readonly<Record<string, unknown>>,
        isStrict: strict,
        fields,
      },
    ];
  });
}

function toToolChoice(
  choice: LanguageModelV3CallOptions["toolChoice"],
  tools: readonly ConversationTool[],
  maxCalls: number | undefined,
): ToolChoice {
  if (choice?.type !== "tool") return { mode: choice?.type ?? "auto", maxCalls };
  const { toolName } = choice;
  if (!tools.some(({ name }) => name === toolName)) {
    throw invalidField("toolChoice.toolName", "the name of one of `tools`", toolName);
  }
  return { mode: "required", names: new Set([toolName]), maxCalls: 1 };
}

function constraintOf(
  { responseFormat }: LanguageModelV3CallOptions,
  given: GenerationOptions["constraint"],
): GenerationOptions["constraint"] {
  if (responseFormat?.type !== "json") return given;
  if (given !== undefined) {
    throw invalidField("providerOptions.infernode.constraint", "nothing beside `responseFormat`", given);
  }
  const { schema } = responseFormat;
  return schema === undefined ? { jsonObject: true } : { jsonSchema: schema };
}

/** The SDK sets `user-agent` itself. */
function warnOfHeaders({ headers = {} }: LanguageModelV3CallOptions, warn: Warn): void {
  const names = Object.keys(headers).filter(
    (name) => headers[name] !== undefined && name.toLowerCase() !== "user-agent",
  );
  if (names.length === 0) return;
  warn({ type: "unsupported", feature: "headers", details: `there is no HTTP: ${names.join(", ")}` });
}

/**
 * Reads a call of the AI SDK.
 * @throws EngineRequestError `INVALID_REQUEST`, `UNSUPPORTED_PARAMETER`; the SDK's UnsupportedFunctionalityError
 */
export function readCall(options: LanguageModelV3CallOptions, model: ServedModel): ReadCall {
  const warnings: SharedV3Warning[] = [];
  const warn: Warn = (warning) => void warnings.push(warning);
  warnOfHeaders(options, warn);
  const given = options.providerOptions?.["infernode"] ?? {};
  const { maxCalls, ...own } = parseOptions(given, ownOptions, "providerOptions.infernode");
  const tools = toTools(options.tools, warn);
  const generation: GenerationOptions = {
    ...own,
    temperature: options.temperature,
    topP: options.topP,
    topK: options.topK,
    seed: options.seed,
    presencePenalty: options.presencePenalty,
    frequencyPenalty: options.frequencyPenalty,
    maxTokens: options.maxOutputTokens,
    stop: options.stopSequences,
    constraint: constraintOf(options, own.constraint),
  };
  const conversation = {
    messages: toTemplateMessages(options.prompt, warn),
    tools,
    toolChoice: toToolChoice(options.toolChoice, tools, maxCalls),
    ...toGeneration(generation, model),
  };
  return { conversation, warnings };
}
