import type { ServedModel } from "../models/model-service.ts";
import { describeValue } from "../text/describe-value.ts";
import { unsupportedField } from "./rejections.ts";

/** How much a model reasons. */
export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** `none` turns reasoning off. */
export type ReasoningEffort = (typeof efforts)[number];

type Variables = Readonly<Record<string, unknown>>;

/** What a request calls the effort, and what else turns reasoning on or off. */
export interface EffortFields {
  readonly effort: string;
  readonly alternative: string;
}

/**
 * The variables of the chat template that an effort sets.
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` for an effort that would have no effect
 */
export function effortVariables(
  effort: ReasoningEffort | undefined,
  { chat }: Pick<ServedModel, "chat">,
  fields: EffortFields,
): Variables | undefined {
  if (effort === undefined) return undefined;
  // A remote server's template is not known.
  const { readsReasoningEffort = true, readsEnableThinking = false } = chat ?? {};
  if (effort === "none" && readsEnableThinking) return { enable_thinking: false };
  if (readsReasoningEffort) return { reasoning_effort: effort };
  if (effort === "none" && chat?.reasoningParser === undefined) return undefined;
  const other = readsEnableThinking ? `; ${fields.alternative} turns it on or off` : "";
  const why = `the model's chat template has no levels of it${other}; got ${describeValue(effort)}`;
  throw unsupportedField(fields.effort, why);
}

/** Whether the model reasons, and what the request calls it. */
export interface Thinking {
  readonly isOn: boolean;
  /** The field of the request, that in it which says so, and its value. */
  readonly field: { readonly name: string; readonly param: string; readonly got: unknown };
}

/**
 * The variables of the chat template that turn reasoning on or off.
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` where the model cannot do what is asked
 */
export function thinkingVariables(
  { isOn, field }: Thinking,
  { chat }: Pick<ServedModel, "chat">,
): Variables | undefined {
  // A remote server's template is not known.
  if (chat === undefined || chat.readsEnableThinking) return { enable_thinking: isOn };
  // Such a model always reasons, or never.
  if (isOn === (chat.reasoningParser !== undefined)) return undefined;
  const why = isOn ? "the model does not reason" : "the model's chat template cannot turn reasoning off";
  throw unsupportedField(field.name, `${why}; got ${describeValue(field.got)}`, field.param);
}
