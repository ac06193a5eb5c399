import { z } from "zod";
import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerParts } from "../../../operations/open-answers.ts";
import { describeValue } from "../../../text/describe-value.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import {
  arrayField,
  flagField,
  mapField,
  nullIsAbsent,
  objectField,
  textField,
  type FieldsOf,
} from "../../shared/body/fields.ts";
import { assertTakesTools, textParametersOf } from "../../shared/chat-model.ts";
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
        type: z
          .enum(choiceTypes, { error: `one of ${choiceTypes.join(", ")}` })
          .meta({ enum: ["auto", "none"] }),
        name: textField("Only with the type `tool`.").optional(),
        disable_parallel_tool_use: flagField(
          "Takes only the first call of an answer. Default false.",
        ).optional(),
      },
      { error: "an object" },
    ) as z.ZodType<ToolChoice>,
  )
    .describe(
      "`none` leaves the tools out of the prompt. Default auto. Calls are not enforced in this format.",
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
  const { tools = [], tool_choice: { type = "auto", disable_parallel_tool_use: isSingle } = {} } = body;
  assertNames(tools);
  if (type === "any" || type === "tool") {
    const message =
      'Unsupported parameter: `tool_choice` is not supported except for the types "auto" and "none", as calls are not ' +
      `enforced in this format; got ${describeValue(type)}`;
    throw new ApiError("unsupported_parameter", message, { param: "tool_choice.type" });
  }
  if (type === "none" || tools.length === 0) return { parts: {} };
  assertTakesTools(model);
  const callable = tools.map(({ name, input_schema: schema }) => ({
    name,
    textParameters: textParametersOf(schema),
  }));
  const parts = isSingle === true ? { tools: callable, maxCalls: 1 } : { tools: callable };
  return { parts, toolsJson: JSON.stringify(tools.map(toFunction)) };
}
