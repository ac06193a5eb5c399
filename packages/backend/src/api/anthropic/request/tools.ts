import { z } from "zod";
import type { ConversationTool, ConversationTools } from "../../../conversation/tools.ts";
import { invalidValue } from "../../shared/api-error.ts";
import {
  arrayField,
  flagField,
  mapField,
  nullIsAbsent,
  objectField,
  textField,
  type FieldsOf,
} from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

const maxTools = 512;
const namePattern = /^[a-zA-Z0-9_-]{1,128}$/;

/** A tool that the model may call. */
interface Tool {
  readonly type?: "custom" | undefined;
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON Schema. */
  readonly input_schema: JsonMap;
  readonly strict?: boolean | undefined;
}

interface ToolChoice {
  readonly type: "auto" | "any" | "tool" | "none";
  readonly name?: string | undefined;
  readonly disable_parallel_tool_use?: boolean | undefined;
}

/** The parameters of tools. */
export interface ToolsBody {
  readonly tools: readonly Tool[] | undefined;
  readonly tool_choice: ToolChoice | undefined;
}

const tool: z.ZodType<Tool> = objectField(
  {
    type: z.literal("custom", { error: '"custom": this server has no tools of its own' }).optional(),
    name: z.string({ error: "a string" }).regex(namePattern, { error: "1 to 128 letters, digits, _ and -" }),
    description: textField("What it does; for the model.").optional(),
    input_schema: mapField({}, "A JSON Schema of its input; for the model."),
    strict: flagField("The input of its calls always matches `input_schema`. Default false.").optional(),
    allowed_callers: arrayField(z.literal("direct", { error: '"direct"' }), { max: 1, of: "callers" })
      .describe("Only `direct`: by the model.")
      .optional(),
    defer_loading: z.literal(false, { error: "false: all tools are shown to the model" }).optional(),
    input_examples: z.array(mapField({}, "An input.")).describe("Has no effect.").optional(),
    eager_input_streaming: flagField("Has no effect: the input is streamed as it is written.").optional(),
    cache_control: z.unknown().describe("Has no effect.").optional(),
  },
  "a tool",
);

const choiceTypes = ["auto", "any", "tool", "none"] as const;

/** How they are checked. */
export const toolsFields: FieldsOf<ToolsBody> = {
  tools: arrayField(tool, { max: maxTools, of: "tools" })
    .describe("Tools that the model may call.")
    .optional(),
  tool_choice: nullIsAbsent(
    z.strictObject(
      {
        type: z.enum(choiceTypes, { error: `one of ${choiceTypes.join(", ")}` }),
        name: textField("Only with the type `tool`.").optional(),
        disable_parallel_tool_use: flagField(
          "Takes only the first call of an answer. Default false.",
        ).optional(),
      },
      { error: "an object" },
    ) as z.ZodType<ToolChoice>,
  )
    .describe(
      "`none` leaves the tools out of the prompt. With `any` or a tool every answer has a call. Default auto.",
    )
    .optional(),
};

/** @throws ApiError 400 for a call that no tool is for */
function assertChoice({ type, name }: ToolChoice, tools: readonly Tool[]): void {
  if (type === "any" && tools.length === 0) {
    throw invalidValue("tool_choice.type", '"auto" or "none" without `tools`', { got: type });
  }
  if (type !== "tool" || tools.some((tool) => tool.name === name)) return;
  throw invalidValue("tool_choice.name", "the name of one of `tools`", { got: name });
}

function toConversationTool(
  { name, description, input_schema: parameters, strict: isStrict }: Tool,
  at: number,
): ConversationTool {
  const field = `tools[${at}]`;
  const fields = { name: `${field}.name`, parameters: `${field}.input_schema`, strict: `${field}.strict` };
  return { name, description, parameters, isStrict, fields };
}

/** The tools of a request. @throws ApiError 400 */
export function toConversationTools(body: ToolsBody): ConversationTools {
  const { tools = [], tool_choice: choice = { type: "auto" } } = body;
  assertChoice(choice, tools);
  const { type, name, disable_parallel_tool_use: isSingle = false } = choice;
  const named = type === "tool" && name !== undefined ? new Set([name]) : undefined;
  const isRequired = named !== undefined || type === "any";
  return {
    tools: tools.map(toConversationTool),
    toolChoice: {
      mode: isRequired ? "required" : type === "none" ? "none" : "auto",
      names: named,
      maxCalls: isSingle || named !== undefined ? 1 : undefined,
      field: "tool_choice",
    },
  };
}
