import { z } from "zod";
import { objectField } from "../../shared/body/fields.ts";
import { type MessageContent, textContent } from "./messages-schema.ts";

/** What the client knows of the answer. */
export interface PredictionBody {
  readonly prediction: { readonly type: "content"; readonly content: MessageContent } | undefined;
}

/** How it is checked. */
export const predictionField: z.ZodType<PredictionBody["prediction"]> = objectField<
  NonNullable<PredictionBody["prediction"]>
>(
  { type: z.literal("content", { error: '"content"' }), content: textContent },
  'an object with `type` "content" and `content`',
)
  .describe(
    "A text that the answer is likely to be, or to have long parts of, such as a file that is edited: the model verifies it " +
      "several tokens at once, which takes less time where it is right.",
  )
  .optional();

/** The predicted text. */
export function toPrediction({ prediction }: Partial<PredictionBody>): { readonly prediction?: string } {
  if (prediction === undefined) return {};
  const { content } = prediction;
  return { prediction: typeof content === "string" ? content : content.map(({ text }) => text).join("") };
}
