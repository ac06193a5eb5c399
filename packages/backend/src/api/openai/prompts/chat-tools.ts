import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerParts } from "../../../operations/open-answers.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";
import { assertTakesTools, textParametersOf } from "../../shared/chat-model.ts";
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
