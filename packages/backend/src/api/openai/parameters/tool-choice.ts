import { z } from "zod";
import { isRecord } from "../../../is-record.ts";
import { describeValue } from "../../../text/describe-value.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";

const supported: readonly unknown[] = ["none", "auto"];

/** `tool_choice`, which `mayCallTools` checks. */
export const toolChoiceField: z.ZodType = z.unknown().meta({
  description:
    "`none` leaves the tools out of the prompt. Default auto. Others need a call that is enforced.",
  enum: supported,
});

/**
 * Whether the model may call tools. A choice that enforces a call needs an answer that is constrained; this is the
 * place for it.
 * @throws ApiError 400
 */
export function mayCallTools(choice: unknown = "auto"): boolean {
  if (supported.includes(choice)) return choice === "auto";
  if (choice !== "required" && !(isRecord(choice) && typeof choice["type"] === "string")) {
    throw invalidValue("tool_choice", '"none" or "auto"', { got: choice });
  }
  throw new ApiError(
    "unsupported_parameter",
    `Unsupported parameter: \`tool_choice\` is not supported except for "none" and "auto", as a call cannot be enforced; ` +
      `got ${describeValue(choice)}`,
    { param: "tool_choice" },
  );
}
