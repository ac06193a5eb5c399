import { z } from "zod";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import { arrayField, flagField, mapField, objectField, textField } from "../../shared/body/fields.ts";
import { jsonTextOf } from "../../shared/body/json-text.ts";
import { isRecord } from "../../../is-record.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

const maxTools = 512;
const namePattern = /^[a-zA-Z0-9_-]{1,128}$/;

/** A function that the model may call. */
export interface Tool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string | undefined;
    /** A JSON Schema. */
    readonly parameters?: JsonMap | undefined;
    readonly strict?: boolean | undefined;
  };
}

/** The name of a function. */
const toolNameField: z.ZodType<string> = z
  .string({ error: "a string" })
  .regex(namePattern, { error: "1 to 128 letters, digits, _ and -" });

const tool: z.ZodType<Tool> = objectField(
  {
    type: z.literal("function", { error: '"function"' }),
    function: objectField<Tool["function"]>(
      {
        name: toolNameField,
        description: textField("What it does; for the model.").optional(),
        parameters: mapField({}, "A JSON Schema of its arguments; for the model.").optional(),
        strict: flagField("Must be false: arguments are not constrained.").meta({ const: false }).optional(),
      },
      "an object with `name`",
    ),
  },
  "a tool",
);

/** The tools of a request. */
export const toolsField: z.ZodType<readonly Tool[]> = arrayField(tool, {
  max: maxTools,
  of: "tools",
}).describe("Functions that the model may call.");

/**
 * Takes out of a body the text of its tools, which the chat template reads as the client wrote them.
 * @returns the body with the tools as values, and their text
 */
export function readToolsText(input: unknown): {
  readonly body: unknown;
  readonly toolsJson: string | undefined;
} {
  if (!isRecord(input) || !isRecord(input["tools"])) return { body: input, toolsJson: undefined };
  const toolsJson = jsonTextOf(input["tools"]);
  if (toolsJson === undefined) return { body: input, toolsJson };
  return { body: { ...input, tools: JSON.parse(toolsJson) as unknown }, toolsJson };
}

/** @throws ApiError 400 for names that occur twice, and for arguments that are to be constrained */
export function assertTools(tools: readonly Tool[]): void {
  const names = new Set<string>();
  for (const [index, { function: called }] of tools.entries()) {
    const param = `tools[${index}].function`;
    if (names.has(called.name)) {
      throw invalidValue(`${param}.name`, "a name of its own for each tool", { got: called.name });
    }
    names.add(called.name);
    if (called.strict !== true) continue;
    const message = `Unsupported parameter: \`${param}.strict\` is not supported: arguments are not constrained by their schema; got true`;
    throw new ApiError("unsupported_parameter", message, { param: `${param}.strict` });
  }
}
