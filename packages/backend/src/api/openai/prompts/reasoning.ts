import { z } from "zod";
import { efforts, type ReasoningEffort } from "../../../conversation/reasoning.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";

/** The parameters of reasoning. */
export interface ReasoningBody {
  readonly reasoning_effort: ReasoningEffort | undefined;
  readonly include_reasoning: boolean | undefined;
}

/** How they are checked. */
export const reasoningFields: FieldsOf<ReasoningBody> = {
  reasoning_effort: z
    .enum(efforts, { error: `one of ${efforts.join(", ")}` })
    .describe("How much the model reasons, where its chat template has levels; `none` turns reasoning off.")
    .optional(),
  include_reasoning: flagField("Puts the reasoning into the answer. Default true.").optional(),
};
