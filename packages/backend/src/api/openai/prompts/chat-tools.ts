import type { ServedModel } from "../../../models/model-service.ts";
import type { EnforcedCalls } from "../../../operations/enforce-calls.ts";
import type { AnswerParts } from "../../../operations/open-answers.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";
import { argumentsSourceOf, assertTakesTools, textParametersOf } from "../../shared/chat-model.ts";
import {
  readToolChoice,
  toolChoiceField,
  type ToolChoice,
  type ToolChoiceBody,
} from "../parameters/tool-choice.ts";
import { assertTools, toolsField, type Tool } from "./tools-field.ts";

/** The parameters of tools. */
export interface ToolsBody {
  readonly tools: readonly Tool[] | undefined;
  readonly tool_choice: ToolChoiceBody | undefined;
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

type CallableTool = NonNullable<AnswerParts["tools"]>[number];

/** What asks for calls that are enforced. */
function enforcementOf({ mode, names }: ToolChoice, tools: readonly Tool[]): EnforcedCalls | undefined {
  if (mode === "required") return { isRequired: true, param: "tool_choice" };
  if (names !== undefined) return { isRequired: false, param: "tool_choice" };
  const strict = tools.findIndex((tool) => tool.function.strict === true);
  return strict < 0 ? undefined : { isRequired: false, param: `tools[${strict}].function.strict` };
}

/** Which calls answers to a request may have. @throws ApiError 400 */
export function toCallParts(body: ToolsBody, model: Pick<ServedModel, "chat">): AnswerParts {
  const { tools = [], tool_choice: chosen, parallel_tool_calls: isParallel = true } = body;
  assertTools(tools);
  const choice = readToolChoice(chosen, new Set(tools.map((tool) => tool.function.name)));
  if (choice.mode === "none" || tools.length === 0) return {};
  assertTakesTools(model);
  const enforced = enforcementOf(choice, tools);
  const callable = tools.flatMap(({ function: called }, at): CallableTool[] => {
    const { name, parameters, strict = false } = called;
    if (choice.names?.has(name) === false) return [];
    const tool = { name, textParameters: textParametersOf(parameters) };
    const isSchemaEnforced = strict || choice.mode === "required";
    if (enforced === undefined || !isSchemaEnforced) return [tool];
    return [{ ...tool, argumentsSource: argumentsSourceOf(parameters, `tools[${at}].function.parameters`) }];
  });
  const maxCalls = isParallel ? choice.maxCalls : 1;
  return {
    tools: callable,
    ...(maxCalls === undefined ? {} : { maxCalls }),
    ...(enforced === undefined ? {} : { enforced }),
  };
}
