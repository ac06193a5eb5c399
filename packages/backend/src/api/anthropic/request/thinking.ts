import { z } from "zod";
import type { ServedModel } from "../../../models/model-service.ts";
import { describeValue } from "../../../text/describe-value.ts";
import { ApiError } from "../../shared/api-error.ts";
import { integerField, nullIsAbsent } from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

/** `thinking`: whether the model reasons. */
export interface Thinking {
  readonly type: "enabled" | "adaptive" | "disabled";
  readonly budget_tokens?: number | undefined;
}

const types = ["enabled", "adaptive", "disabled"] as const;

/** How it is checked. */
export const thinkingField: z.ZodType<Thinking> = nullIsAbsent(
  z.strictObject(
    {
      type: z.enum(types, { error: `one of ${types.join(", ")}` }),
      budget_tokens: integerField(
        { min: 1 },
        "Has no effect: reasoning is limited by `max_tokens`, together with the rest of the answer.",
      ).optional(),
    },
    { error: "an object" },
  ) as z.ZodType<Thinking>,
).describe("Turns reasoning on or off, where the model can. Default: as the model's chat template does.");

/**
 * The variables of the chat template that turn reasoning on or off.
 * @throws ApiError 400 where the model cannot do what is asked
 */
export function thinkingVariables(
  thinking: Thinking | undefined,
  { chat }: Pick<ServedModel, "chat">,
): JsonMap | undefined {
  if (thinking === undefined) return undefined;
  const isOn = thinking.type !== "disabled";
  // A remote server's template is not known.
  if (chat === undefined || chat.readsEnableThinking) return { enable_thinking: isOn };
  // Such a model always reasons, or never.
  if (isOn === (chat.reasoningParser !== undefined)) return undefined;
  const why = isOn ? "the model does not reason" : "the model's chat template cannot turn reasoning off";
  throw new ApiError(
    "unsupported_parameter",
    `Unsupported parameter: \`thinking\` is not supported: ${why}; got ${describeValue(thinking.type)}`,
    { param: "thinking.type" },
  );
}
