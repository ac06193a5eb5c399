import { z } from "zod";
import { isRecord } from "../../../is-record.ts";
import { elementTexts, memberText } from "../../../text/member-text.ts";
import { ApiError } from "../../shared/api-error.ts";
import { arrayField, flagField, mapField, objectField, textField } from "../../shared/body/fields.ts";
import type { Tool } from "../prompts/tools-field.ts";
import { maxTools, toolNameField } from "../parameters/tool-choice.ts";

/** A function that the model may call. */
export type ResponseTool = { readonly type: "function" } & Tool["function"];

const tool: z.ZodType<ResponseTool> = objectField<ResponseTool>(
  {
    type: z.literal("function", { error: '"function", as the server runs no tools itself' }),
    name: toolNameField,
    description: textField("What it does; for the model.").optional(),
    parameters: mapField({}, "A JSON Schema of its arguments; for the model.").optional(),
    strict: flagField("Arguments of calls always match `parameters`. Default false.").optional(),
  },
  "a tool",
);

/** The tools of a request. */
export const responseToolsField: z.ZodType<readonly ResponseTool[]> = arrayField(tool, {
  max: maxTools,
  of: "tools",
}).describe("Functions that the model may call.");

/** Rejects tools by the name of their type. @throws ApiError 400 */
export function assertFunctions(tools: unknown): void {
  if (!Array.isArray(tools)) return;
  for (const [index, each] of (tools as readonly unknown[]).entries()) {
    const type = isRecord(each) ? each["type"] : undefined;
    if (typeof type !== "string" || type === "function") continue;
    const param = `tools[${index}].type`;
    const message = `Unsupported parameter: \`${param}\` is not supported except for "function", as the server runs no tools itself; got ${JSON.stringify(type)}`;
    throw new ApiError("unsupported_parameter", message, { param });
  }
}

/** The tools as chat completions have them. */
export function toChatTools(tools: readonly ResponseTool[]): readonly Tool[] {
  return tools.map(({ type, ...called }) => ({ type, function: called }));
}

/** The same for their JSON text, of which every value stays as the client wrote it. */
export function toChatToolsJson(toolsJson: string): string {
  const tools = elementTexts(toolsJson).map((text) => {
    const members = ["name", "description", "parameters", "strict"].flatMap((name) => {
      const value = memberText(text, name);
      return value === undefined || value === "null" ? [] : [`"${name}":${value}`];
    });
    return `{"type":"function","function":{${members.join(",")}}}`;
  });
  return `[${tools.join(",")}]`;
}

interface NamedFunction {
  readonly type: "function";
  readonly name: string;
}

/** Which tools may be called. */
export type ResponseToolChoice = "none" | "auto" | "required" | NamedFunction;

/** How `tool_choice` is checked. */
export const responseToolChoiceField: z.ZodType<ResponseToolChoice> = z
  .union(
    [
      z.enum(["none", "auto", "required"]),
      z.strictObject({ type: z.literal("function"), name: toolNameField }),
    ],
    { error: '"none", "auto", "required" or `{"type": "function", "name"}`' },
  )
  .describe(
    "`none` leaves the tools out of the prompt. With `required` or a function every answer has a call. Default auto.",
  );

/** The choice as chat completions have it. */
export function toChatToolChoice(
  choice: ResponseToolChoice | undefined,
): Exclude<ResponseToolChoice, NamedFunction> | { type: "function"; function: { name: string } } | undefined {
  return typeof choice === "object" ? { type: "function", function: { name: choice.name } } : choice;
}
