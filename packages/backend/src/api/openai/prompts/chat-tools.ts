import { isRecord } from "../../../is-record.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerParts } from "../../../operations/open-answers.ts";
import { ApiError } from "../../shared/api-error.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { mayCallTools, toolChoiceField } from "../parameters/tool-choice.ts";
import { assertTools, toolsField, type Tool } from "./tools-field.ts";

/** The parameters of tools. */
export interface ToolsBody {
  readonly tools: readonly Tool[] | undefined;
  readonly tool_choice: unknown;
  readonly parallel_tool_calls: boolean | undefined;
}

/** How they are checked. */
export const toolsFields: FieldsOf<ToolsBody> = {
  tools: toolsField.optional(),
  tool_choice: toolChoiceField.optional(),
  parallel_tool_calls: flagField(
    "Takes more calls than the first one of an answer. Default true.",
  ).optional(),
};

function unsupported(message: string): ApiError {
  return new ApiError(
    "unsupported_parameter",
    `Unsupported parameter: \`tools\` is not supported: ${message}`,
    {
      param: "tools",
    },
  );
}

/** @throws ApiError 400 if the model cannot be given tools; what a remote server has is not known */
export function assertTakesTools({ chat }: Pick<ServedModel, "chat">): void {
  if (chat === undefined) return;
  if (!chat.readsTools) throw unsupported("the model's chat template does not show tools");
  if (chat.toolParser === undefined) {
    throw unsupported("how the model writes calls is not known; see the setting model.toolParser");
  }
}

/** The properties of a JSON Schema that are strings. */
function textParametersOf(schema: JsonMap | undefined): readonly string[] {
  const properties = schema?.["properties"];
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([name, property]) => {
    const type = isRecord(property) ? property["type"] : undefined;
    const types: readonly unknown[] = Array.isArray(type) ? type : [type];
    return types.includes("string") && types.every((each) => each === "string" || each === "null")
      ? [name]
      : [];
  });
}

/** Which calls answers to a request may have. @throws ApiError 400 */
export function toCallParts(body: ToolsBody, model: Pick<ServedModel, "chat">): AnswerParts {
  const { tools = [], tool_choice: choice, parallel_tool_calls: isParallel = true } = body;
  assertTools(tools);
  if (!mayCallTools(choice) || tools.length === 0) return {};
  assertTakesTools(model);
  const callable = tools.map(({ function: { name, parameters } }) => ({
    name,
    textParameters: textParametersOf(parameters),
  }));
  return isParallel ? { tools: callable } : { tools: callable, maxCalls: 1 };
}
