import type { ConstraintSource } from "@infernode/inference/constraint";
import { z } from "zod";
import { effortVariables } from "../../../conversation/reasoning.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { mapField, nullIsAbsent, type FieldsOf } from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

interface OutputFormat {
  readonly type: "json_schema";
  readonly schema: JsonMap;
}

const efforts = ["low", "medium", "high", "xhigh", "max"] as const;

interface OutputConfig {
  readonly effort?: (typeof efforts)[number] | undefined;
  readonly format?: OutputFormat | undefined;
}

/** What is asked of an answer's form. */
export interface OutputBody {
  readonly output_config: OutputConfig | undefined;
  /** The older name of `output_config.format`. */
  readonly output_format: OutputFormat | undefined;
}

const format: z.ZodType<OutputFormat> = nullIsAbsent(
  z.strictObject(
    {
      type: z.literal("json_schema", { error: '"json_schema"' }),
      schema: mapField({}, "A JSON Schema, which the text of the answer matches."),
    },
    { error: "an object" },
  ),
);

/** How it is checked. */
export const outputFields: FieldsOf<OutputBody> = {
  output_config: nullIsAbsent(
    z.strictObject(
      {
        effort: z
          .enum(efforts, { error: `one of ${efforts.join(", ")}` })
          .describe("How much the model reasons, where its chat template has levels of it.")
          .optional(),
        format: format.optional(),
      },
      { error: "an object" },
    ) as z.ZodType<OutputConfig>,
  )
    .describe("The form of the answer, and how much the model reasons. Default: any.")
    .optional(),
  output_format: format.describe("The older name of `output_config.format`.").optional(),
};

/** The schema that the text of answers matches, and the field that has it. @throws ApiError 400 */
export function outputConstraint({ output_config: config, output_format: older }: OutputBody): {
  readonly source: ConstraintSource | undefined;
  readonly param: string;
} {
  const newer = config?.format;
  if (newer !== undefined && older !== undefined) {
    throw invalidValue("output_format", "nothing beside `output_config.format`", { got: older });
  }
  const schema = (newer ?? older)?.schema;
  return {
    source: schema && { jsonSchema: schema },
    param: older === undefined ? "output_config.format" : "output_format",
  };
}

/** The variables of the chat template that an effort sets. @throws EngineRequestError for an effort without effect */
export function outputVariables(
  { output_config: config }: OutputBody,
  model: ServedModel,
): JsonMap | undefined {
  return effortVariables(config?.effort, model, {
    effort: "output_config.effort",
    alternative: "`thinking`",
  });
}
