import { z } from "zod";
import type { ToolChoice } from "../../../conversation/tools.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { arrayField } from "../../shared/body/fields.ts";

/** In one request. */
export const maxTools = 512;
const namePattern = /^[a-zA-Z0-9_-]{1,128}$/;

/** The name of a function. */
export const toolNameField: z.ZodType<string> = z
  .string({ error: "a string" })
  .regex(namePattern, { error: "1 to 128 letters, digits, _ and -" });

/** A function that a choice names. */
interface NamedTool {
  readonly type: "function";
  readonly function: { readonly name: string };
}

/** `tool_choice` of OpenAI's API. */
export type ToolChoiceBody =
  | "none"
  | "auto"
  | "required"
  | NamedTool
  | {
      readonly type: "allowed_tools";
      readonly allowed_tools: { readonly mode: "auto" | "required"; readonly tools: readonly NamedTool[] };
    };

const named = z.strictObject({
  type: z.literal("function", { error: '"function"' }),
  function: z.strictObject({ name: toolNameField }),
});

const expected =
  '"none", "auto", "required", `{"type": "function", "function": {"name"}}` or ' +
  '`{"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}`';

/** How `tool_choice` is checked. */
export const toolChoiceField: z.ZodType<ToolChoiceBody> = z
  .union(
    [
      z.enum(["none", "auto", "required"]),
      named,
      z.strictObject({
        type: z.literal("allowed_tools"),
        allowed_tools: z.strictObject({
          mode: z.enum(["auto", "required"]),
          tools: arrayField(named, { min: 1, max: maxTools, of: "tools" }),
        }),
      }),
    ],
    { error: expected },
  )
  .describe(
    "`none` leaves the tools out of the prompt. With `required` or a function every answer has a call. Default auto.",
  );

function assertKnown(name: string, toolNames: ReadonlySet<string>, param: string): string {
  if (toolNames.has(name)) return name;
  throw invalidValue(param, "the name of a function of `tools`", { got: name });
}

/** Reads a choice among some tools. @throws ApiError 400 */
export function readToolChoice(choice: ToolChoiceBody = "auto", toolNames: ReadonlySet<string>): ToolChoice {
  if (choice !== "none" && choice !== "auto" && toolNames.size === 0) {
    throw invalidValue("tool_choice", '"none" or "auto" without `tools`', { got: choice });
  }
  if (typeof choice === "string") return { mode: choice };
  if (choice.type === "function") {
    const name = assertKnown(choice.function.name, toolNames, "tool_choice.function.name");
    return { mode: "required", names: new Set([name]), maxCalls: 1 };
  }
  const { mode, tools } = choice.allowed_tools;
  const names = tools.map(({ function: { name } }, at) =>
    assertKnown(name, toolNames, `tool_choice.allowed_tools.tools[${at}].function.name`),
  );
  return { mode, names: new Set(names) };
}
