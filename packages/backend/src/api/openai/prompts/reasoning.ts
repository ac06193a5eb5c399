import { z } from "zod";
import type { ServedModel } from "../../../models/model-service.ts";
import { ApiError } from "../../shared/api-error.ts";
import { flagField, type FieldsOf } from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** The parameters of reasoning. */
export interface ReasoningBody {
  readonly reasoning_effort: (typeof efforts)[number] | undefined;
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

/**
 * The variables of the chat template that an effort sets.
 * @throws ApiError 400 for an effort that would have no effect
 */
export function effortVariables(
  { reasoning_effort: effort }: Pick<ReasoningBody, "reasoning_effort">,
  { chat }: Pick<ServedModel, "chat">,
): JsonMap | undefined {
  if (effort === undefined) return undefined;
  // A remote server's template is not known.
  const { readsReasoningEffort = true, readsEnableThinking = false } = chat ?? {};
  if (effort === "none" && readsEnableThinking) return { enable_thinking: false };
  if (readsReasoningEffort) return { reasoning_effort: effort };
  if (effort === "none" && chat?.reasoningParser === undefined) return undefined;
  const other = readsEnableThinking
    ? "; `chat_template_kwargs` with `enable_thinking` turns it on or off"
    : "";
  throw new ApiError(
    "unsupported_parameter",
    `Unsupported parameter: \`reasoning_effort\` is not supported: the model's chat template has no levels of it${other}; ` +
      `got ${JSON.stringify(effort)}`,
    { param: "reasoning_effort" },
  );
}
