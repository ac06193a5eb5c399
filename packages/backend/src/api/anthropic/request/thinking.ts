import { z } from "zod";
import type { Thinking } from "../../../conversation/reasoning.ts";
import { integerField, nullIsAbsent } from "../../shared/body/fields.ts";

/** `thinking`: whether the model reasons. */
export interface ThinkingBody {
  readonly type: "enabled" | "adaptive" | "disabled";
  readonly budget_tokens?: number | undefined;
}

const types = ["enabled", "adaptive", "disabled"] as const;

/** How it is checked. */
export const thinkingField: z.ZodType<ThinkingBody> = nullIsAbsent(
  z.strictObject(
    {
      type: z.enum(types, { error: `one of ${types.join(", ")}` }),
      budget_tokens: integerField(
        { min: 1 },
        "Has no effect: reasoning is limited by `max_tokens`, together with the rest of the answer.",
      ).optional(),
    },
    { error: "an object" },
  ) as z.ZodType<ThinkingBody>,
).describe("Turns reasoning on or off, where the model can. Default: as the model's chat template does.");

/** Whether the model reasons. */
export function toThinking({ type }: ThinkingBody): Thinking {
  return { isOn: type !== "disabled", field: { name: "thinking", param: "thinking.type", got: type } };
}
