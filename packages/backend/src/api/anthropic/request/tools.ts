import { z } from "zod";
import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerParts } from "../../../operations/open-answers.ts";
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
import { argumentsSourceOf, assertTakesTools, textParametersOf } from "../../shared/chat-model.ts";
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
  readonly strict?: false | undefined;
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
    strict: z
      .literal(false, { error: "false: the input is not constrained by its schema in this format" })
      .optional(),
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

function assertNames(tools: readonly Tool[]): void {
  const names = new Set<string>();
  for (const [index, { name }] of tools.entries()) {
    if (names.has(name)) {
      throw invalidValue(`tools[${index}].name`, "a name of its own for each tool", { got: name });
    }
    names.add(name);
  }
}

/** @throws ApiError 400 for a call that no tool is for */
function assertChoice({ type, name }: ToolChoice, tools: readonly Tool[]): void {
  if (type === "any" && tools.length === 0) {
    throw invalidValue("tool_choice.type", '"auto" or "none" without `tools`', { got: type });
  }
  if (type !== "tool" || tools.some((tool) => tool.name === name)) return;
  throw invalidValue("tool_choice.name", "the name of one of `tools`", { got: name });
}

type CallableTool = NonNullable<AnswerParts["tools"]>[number];

/** The tools of a request: what answers may have, and what the chat template shows. */
export interface ReadTools {
  readonly parts: AnswerParts;
  readonly toolsJson?: string;
}

function toFunction({ name, description, input_schema: parameters }: Tool): object {
  return { type: "function", function: { name, description, parameters } };
}

/** Reads the tools of a request. @throws ApiError 400 */
export function readTools(body: ToolsBody, model: Pick<ServedModel, "chat">): ReadTools {
  const { tools = [], tool_choice: choice = { type: "auto" } } = body;
  const { type, disable_parallel_tool_use: isSingle = false } = choice;
  assertNames(tools);
  assertChoice(choice, tools);
  if (type === "none" || tools.length === 0) return { parts: {} };
  assertTakesTools(model);
  const isRequired = type !== "auto";
  const callable = tools.flatMap(({ name, input_schema: schema }, at): CallableTool[] => {
    if (type === "tool" && name !== choice.name) return [];
    const tool = { name, textParameters: textParametersOf(schema) };
    if (!isRequired) return [tool];
    return [{ ...tool, argumentsSource: argumentsSourceOf(schema, `tools[${at}].input_schema`) }];
  });
  const parts = {
    tools: callable,
    ...(isSingle || type === "tool" ? { maxCalls: 1 } : {}),
    ...(isRequired ? { enforced: { isRequired, param: "tool_choice" } } : {}),
  };
  return { parts, toolsJson: JSON.stringify(tools.map(toFunction)) };
}
