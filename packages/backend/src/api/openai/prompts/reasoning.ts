import { z } from "zod";
import { efforts, type ReasoningEffort } from "../../../conversation/reasoning.ts";
import { invalidField } from "../../../conversation/rejections.ts";
import { flagField, integerField, type FieldsOf } from "../../shared/body/fields.ts";

/** The parameters of reasoning. */
export interface ReasoningBody {
  readonly reasoning_effort: ReasoningEffort | undefined;
  readonly include_reasoning: boolean | undefined;
  readonly thinking_token_budget: number | undefined;
  readonly thinking_budget_tokens: number | undefined;
}

const budgetField = integerField(
  { min: -1 },
  "Ends the reasoning of an answer after this many tokens; -1 does not.",
);

/** How they are checked. */
export const reasoningFields: FieldsOf<ReasoningBody> = {
  reasoning_effort: z
    .enum(efforts, { error: `one of ${efforts.join(", ")}` })
    .describe("How much the model reasons, where its chat template has levels; `none` turns reasoning off.")
    .optional(),
  include_reasoning: flagField("Puts the reasoning into the answer. Default true.").optional(),
  thinking_token_budget: budgetField.optional(),
  thinking_budget_tokens: budgetField.describe("`thinking_token_budget`, as llama.cpp calls it.").optional(),
};

type BudgetBody = Pick<ReasoningBody, "thinking_token_budget"> & Partial<ReasoningBody>;

/** The tokens of reasoning that an answer may have; `undefined`: any. @throws EngineRequestError `INVALID_REQUEST` */
export function toReasoningBudget(body: BudgetBody): number | undefined {
  const { thinking_token_budget: budget, thinking_budget_tokens: other } = body;
  if (budget !== undefined && other !== undefined && budget !== other) {
    throw invalidField(
      "thinking_budget_tokens",
      `the same value as \`thinking_token_budget\` (${budget})`,
      other,
    );
  }
  const maxTokens = budget ?? other ?? -1;
  return maxTokens < 0 ? undefined : maxTokens;
}
