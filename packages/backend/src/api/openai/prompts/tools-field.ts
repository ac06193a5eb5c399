import { z } from "zod";
import { arrayField, flagField, mapField, objectField, textField } from "../../shared/body/fields.ts";
import { jsonTextOf } from "../../shared/body/json-text.ts";
import { isRecord } from "../../../is-record.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { maxTools, toolNameField } from "../parameters/tool-choice.ts";

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

const tool: z.ZodType<Tool> = objectField(
  {
    type: z.literal("function", { error: '"function"' }),
    function: objectField<Tool["function"]>(
      {
        name: toolNameField,
        description: textField("What it does; for the model.").optional(),
        parameters: mapField({}, "A JSON Schema of its arguments; for the model.").optional(),
        strict: flagField("Arguments of calls always match `parameters`. Default false.").optional(),
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
