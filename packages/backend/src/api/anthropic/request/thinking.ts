import { z } from "zod";
import type { Thinking } from "../../../conversation/reasoning.ts";
import { invalidField } from "../../../conversation/rejections.ts";
import { integerField, nullIsAbsent } from "../../shared/body/fields.ts";

/** `thinking`: whether the model reasons. */
export interface ThinkingBody {
  readonly type: "enabled" | "adaptive" | "disabled";
  readonly budget_tokens?: number | undefined;
  readonly display?: "summarized" | "omitted" | undefined;
}

const types = ["enabled", "adaptive", "disabled"] as const;

/** How it is checked. */
export const thinkingField: z.ZodType<ThinkingBody> = nullIsAbsent(
  z.strictObject(
    {
      type: z.enum(types, { error: `one of ${types.join(", ")}` }),
      budget_tokens: integerField(
        { min: 1 },
        "Ends the reasoning of the answer after this many tokens; not with `disabled`.",
      ).optional(),
      display: z
        .enum(["summarized", "omitted"], { error: '"summarized" or "omitted"' })
        .describe("With `omitted` blocks of thinking are empty. Others have all of it. Default summarized.")
        .optional(),
    },
    { error: "an object" },
  ) as z.ZodType<ThinkingBody>,
).describe("Turns reasoning on or off, where the model can. Default: as the model's chat template does.");

/** The tokens of reasoning that the answer may have; `undefined`: any. @throws EngineRequestError where there is none */
export function toReasoningBudget({ type, budget_tokens: budget }: ThinkingBody): number | undefined {
  if (type !== "disabled" || budget === undefined) return budget;
  throw invalidField("thinking.budget_tokens", 'nothing with the type "disabled"', budget);
}

/** Whether the model reasons. */
export function toThinking({ type }: ThinkingBody): Thinking {
  return { isOn: type !== "disabled", field: { name: "thinking", param: "thinking.type", got: type } };
}
