import type { ConversationTool, ConversationTools } from "../../../conversation/tools.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";
import { readToolChoice, toolChoiceField, type ToolChoiceBody } from "../parameters/tool-choice.ts";
import { toolsField, type Tool } from "./tools-field.ts";

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

function toConversationTool({ function: called }: Tool, at: number): ConversationTool {
  const { name, description, parameters, strict: isStrict } = called;
  const field = `tools[${at}].function`;
  const fields = { name: `${field}.name`, parameters: `${field}.parameters`, strict: `${field}.strict` };
  return { name, description, parameters, isStrict, fields };
}

/** The tools of a request. @throws ApiError 400 */
export function toConversationTools(body: Partial<ToolsBody>): ConversationTools {
  const { tools = [], tool_choice: chosen, parallel_tool_calls: isParallel = true } = body;
  const choice = readToolChoice(chosen, new Set(tools.map((tool) => tool.function.name)));
  return {
    tools: tools.map(toConversationTool),
    toolChoice: { ...choice, ...(isParallel ? {} : { maxCalls: 1 }), field: "tool_choice" },
  };
}
